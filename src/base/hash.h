// XXH3-128 as 32 hex digits: of bytes, of several pieces, of a file. Names content, for caches,
// manifests and checksums; finds damage, not malice.
//
//   LAP_ASSIGN_OR_RETURN(std::string hash, file_hash("pkg/decoder/model.onnx.data", {}));
//
//   Fingerprint print;
//   print.add(hash);
//   print.add("int4");
//   const std::string key = print.hex();
//
// Packages hold these digits: what a function returns for given bytes never changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/work.h"

namespace lapidary {

// XXH3-128 of the bytes as they are.
std::string content_hash(std::string_view bytes);

// Of several pieces, in order.
class Fingerprint {
 public:
  Fingerprint();
  ~Fingerprint();
  Fingerprint(const Fingerprint&) = delete;
  Fingerprint& operator=(const Fingerprint&) = delete;

  // Each piece counts with its length, so that moving a boundary changes the result.
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline constexpr int64_t kHashChunkBytes = 4 << 20;

// XXH3-128 of each 4 MiB chunk of a file, then XXH3-128 over those digests (big-endian, in order);
// so all cores work on one file. Memory: one chunk a thread. Advances `work` by bytes. Errors:
// missing or unreadable file, a file that shrinks meanwhile, cancelled.
Result<std::string> file_hash(const std::filesystem::path& path, const Work& work);

}  // namespace lapidary
