// Where things lie in the header of a GGUF file: its structure alone, before what it says is looked
// at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/metadata.h"

namespace lapidary::gguf {

// Of a tensor, as it stands in the file.
struct ScannedTensor {
  std::string_view name;
  std::vector<uint64_t> dims;  // at most kMostDims
  uint32_t type = 0;
  uint64_t offset = 0;
};

// Views of the bytes.
struct ScannedHeader {
  std::vector<Metadata::Entry> entries;
  std::vector<ScannedTensor> tensors;
  size_t end = 0;  // of the last tensor's info
};

// `bytes`: a file, or its first bytes. Errors: those of the structure (parse_header in header.h).
Result<ScannedHeader> scan_header(std::span<const std::byte> bytes, const std::string& where);

}  // namespace lapidary::gguf
