#include "base/hash.h"

#include <xxhash.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/input_file.h"
#include "base/parallel.h"

namespace lapidary {
namespace {

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
  const auto size = static_cast<int64_t>(file.size());
  const int64_t chunks = (size + kHashChunkBytes - 1) / kHashChunkBytes;
  std::vector<XXH128_canonical_t> digests(static_cast<size_t>(chunks));
  const auto hash_chunk = [&](size_t i) -> Status {
    if (work.is_cancelled()) return cancelled();
    const int64_t offset = static_cast<int64_t>(i) * kHashChunkBytes;
    thread_local std::vector<unsigned char> buffer;
    buffer.resize(static_cast<size_t>(std::min(kHashChunkBytes, size - offset)));
    LAP_RETURN_IF_ERROR(
        file.read(static_cast<size_t>(offset), std::as_writable_bytes(std::span(buffer))));
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
  LAP_ASSIGN_OR_RETURN(const InputFile file, InputFile::open(path));
  return chunked_hash(file, work);
}

Result<std::string> file_hash(int fd, const std::filesystem::path& path, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const InputFile file, InputFile::of(fd, path));
  return chunked_hash(file, work);
}

}  // namespace lapidary
