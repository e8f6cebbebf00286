// Checksums of package files.
//
//   LAP_ASSIGN_OR_RETURN(std::string hash, file_hash("pkg/decoder/model.onnx.data", {}));
//
// XXH3-128 of each 4 MiB chunk, then XXH3-128 over those digests (big-endian, in order), as 32 hex
// digits; so all cores work on one file. Finds damage, not malice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "base/work.h"

namespace lapidary::package {

inline constexpr int64_t kHashChunkBytes = 4 << 20;

// Memory: one chunk a thread. Advances `work` by bytes. Errors: missing or unreadable file, a file
// that shrinks meanwhile, cancelled.
Result<std::string> file_hash(const std::filesystem::path& path, const Work& work);

}  // namespace lapidary::package
