#include "package/file_hash.h"

#include <xxhash.h>

#include <algorithm>
#include <span>
#include <vector>

#include "base/input_file.h"
#include "base/parallel.h"

namespace lapidary::package {
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

XXH128_canonical_t digest_of(const void* data, size_t size) {
  XXH128_canonical_t out;
  XXH128_canonicalFromHash(&out, XXH3_128bits(data, size));
  return out;
}

}  // namespace

Result<std::string> file_hash(const std::filesystem::path& path, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const InputFile file, InputFile::open(path));
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

}  // namespace lapidary::package
