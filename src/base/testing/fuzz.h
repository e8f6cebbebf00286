// What fuzzers share (X_fuzz.cc): properties that abort when they do not hold, a bound on the
// memory that an input takes, and a folder for parsers that read files.
//
//   const fuzzing::MemoryBound bound(size);
//   const auto ranges = quant::Ranges::from_json(json, "fuzz");
//   if (fuzzing::accepted(ranges)) fuzzing::require(ranges->to_json() == json, "it changed");
//
// A fuzzer of several small parsers takes the first byte of its input for the choice (Choice).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

// Of the sanitizers' allocator (sanitizer/allocator_interface.h); absent in a build without them.
extern "C" {
__attribute__((weak)) int __sanitizer_install_malloc_and_free_hooks(
    void (*malloc_hook)(const volatile void*, size_t), void (*free_hook)(const volatile void*));
__attribute__((weak)) size_t __sanitizer_get_allocated_size(const volatile void* p);
}

namespace lapidary::fuzzing {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

// Whether a Result or Status is no error. An error must say something.
template <typename T>
bool accepted(const T& result) {
  if (result.ok()) return true;
  require(!result.error().what.empty(), "an error says nothing");
  return false;
}

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// What stands before and after the first zero byte.
inline std::pair<std::string_view, std::string_view> split(std::string_view input) {
  const size_t zero = input.find('\0');
  if (zero == std::string_view::npos) return {input, {}};
  return {input.substr(0, zero), input.substr(zero + 1)};
}

// '0' chooses parser 0, '1' parser 1, ...; every other byte chooses one, too.
struct Choice {
  Choice(const uint8_t* data, size_t size, unsigned parsers)
      : parser(size == 0 ? 0 : (data[0] + 256U - '0') % 256U % parsers),
        rest(size == 0 ? std::string_view() : text_of(data, size).substr(1)) {}

  unsigned parser;
  std::string_view rest;
};

// Aborts when more memory was taken at once, while it lived, than the input's bytes account for.
// Counts what all threads allocate.
class MemoryBound {
 public:
  static constexpr int64_t kBytesPerByte = 64;
  static constexpr int64_t kBytesBesides = 4 << 20;

  explicit MemoryBound(size_t input_bytes, int64_t per_byte = kBytesPerByte,
                       int64_t besides = kBytesBesides)
      : most_(static_cast<int64_t>(input_bytes) * per_byte + besides) {
    static const bool installed =
        __sanitizer_install_malloc_and_free_hooks != nullptr &&
        __sanitizer_install_malloc_and_free_hooks(&on_malloc, &on_free) != 0;
    static_cast<void>(installed);
    before_ = live_.load();
    peak_.store(before_);
  }
  ~MemoryBound() {
    const int64_t taken = peak_.load() - before_;
    if (taken <= most_) return;
    std::fprintf(stderr, "fuzz: %lld bytes of memory were taken, %lld are accounted for\n",
                 static_cast<long long>(taken), static_cast<long long>(most_));
    std::abort();
  }
  MemoryBound(const MemoryBound&) = delete;
  MemoryBound& operator=(const MemoryBound&) = delete;

 private:
  static void on_malloc(const volatile void* /*block*/, size_t size) {
    const auto bytes = static_cast<int64_t>(size);
    const int64_t now = live_.fetch_add(bytes) + bytes;
    int64_t peak = peak_.load();
    while (peak < now && !peak_.compare_exchange_weak(peak, now)) {
    }
  }
  static void on_free(const volatile void* block) {
    if (block == nullptr) return;
    live_.fetch_sub(static_cast<int64_t>(__sanitizer_get_allocated_size(block)));
  }

  static inline std::atomic<int64_t> live_{0};
  static inline std::atomic<int64_t> peak_{0};
  int64_t most_;
  int64_t before_ = 0;
};

// A folder of this process in memory ($TMPDIR, else /dev/shm); it goes when the process ends.
class Folder {
 public:
  Folder() {
    const char* given = std::getenv("TMPDIR");
    std::string name = std::string(given != nullptr ? given : "/dev/shm") + "/lapidary-fuzz-XXXXXX";
    require(::mkdtemp(name.data()) != nullptr, "no folder can be made in TMPDIR");
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, std::string_view bytes) const {
    std::ofstream file(path_ / name, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    require(!file.fail(), "a file cannot be written in TMPDIR");
    return path_ / name;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::filesystem::path path_;
};

}  // namespace lapidary::fuzzing
