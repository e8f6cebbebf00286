#include "base/hash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/parallel.h"

namespace lapidary {
namespace {

class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), open_error_(errno) {}
  // Leaves `fd` to its owner.
  InputFile(int fd, const std::filesystem::path& path)
      : path_(path), fd_(::fcntl(fd, F_DUPFD_CLOEXEC, 0)), open_error_(errno) {}
  ~InputFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  Result<int64_t> size() const {
    if (fd_ < 0) return system_error(path_, open_error_);
    struct stat info {};
    if (::fstat(fd_, &info) != 0) return system_error(path_, errno);
    if (!S_ISREG(info.st_mode)) return io_error(path_.string(), "is not a regular file");
    return int64_t{info.st_size};
  }

  Status read(std::vector<unsigned char>& buffer, int64_t offset) const {
    size_t done = 0;
    while (done < buffer.size()) {
      const ssize_t n = ::pread(fd_, buffer.data() + done, buffer.size() - done,
                                offset + static_cast<int64_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error(path_, errno);
      if (n == 0) return io_error(path_.string(), "became shorter while it was read");
      done += static_cast<size_t>(n);
    }
    return {};
  }

 private:
  std::filesystem::path path_;
  int fd_;
  int open_error_;
};

std::string to_hex(const XXH128_canonical_t& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : digest.digest) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

XXH128_canonical_t canonical(const XXH128_hash_t& hash) {
  XXH128_canonical_t out;
  XXH128_canonicalFromHash(&out, hash);
  return out;
}

XXH128_canonical_t digest_of(const void* data, size_t size) {
  return canonical(XXH3_128bits(data, size));
}

Result<std::string> chunked_hash(const InputFile& file, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const int64_t size, file.size());
  const int64_t chunks = (size + kHashChunkBytes - 1) / kHashChunkBytes;
  std::vector<XXH128_canonical_t> digests(static_cast<size_t>(chunks));
  const auto hash_chunk = [&](size_t i) -> Status {
    if (work.is_cancelled()) return cancelled();
    const int64_t offset = static_cast<int64_t>(i) * kHashChunkBytes;
    thread_local std::vector<unsigned char> buffer;
    buffer.resize(static_cast<size_t>(std::min(kHashChunkBytes, size - offset)));
    LAP_RETURN_IF_ERROR(file.read(buffer, offset));
    digests[i] = digest_of(buffer.data(), buffer.size());
    work.advance(buffer.size());
    return {};
  };
  LAP_RETURN_IF_ERROR(parallel_for(digests.size(), hash_chunk, work.threads));
  return to_hex(digest_of(digests.data(), digests.size() * sizeof(XXH128_canonical_t)));
}

}  // namespace

std::string content_hash(std::string_view bytes) {
  return to_hex(digest_of(bytes.data(), bytes.size()));
}

struct ContentHash::State {
  XXH3_state_t xxh;
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {
  XXH3_INITSTATE(&state_->xxh);
  XXH3_128bits_reset(&state_->xxh);
}

ContentHash::~ContentHash() = default;

void ContentHash::add(std::string_view bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

std::string ContentHash::hex() const {
  return to_hex(canonical(XXH3_128bits_digest(&state_->xxh)));
}

void Fingerprint::add(std::string_view text) {
  const uint64_t size = text.size();
  all_.add({reinterpret_cast<const char*>(&size), sizeof size});
  all_.add(text);
}

void Fingerprint::add(std::span<const std::byte> bytes) {
  add(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

Result<std::string> file_hash(const std::filesystem::path& path, const Work& work) {
  return chunked_hash(InputFile(path), work);
}

Result<std::string> file_hash(int fd, const std::filesystem::path& path, const Work& work) {
  return chunked_hash(InputFile(fd, path), work);
}

}  // namespace lapidary
