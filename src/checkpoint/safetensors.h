// One safetensors file: 8 bytes header length, a JSON header, the tensors' bytes.
//
//   LAP_ASSIGN_OR_RETURN(auto file, SafetensorsFile::open(path));
//   for (const TensorEntry& entry : file->entries()) {
//     tensor::Tensor values = file->tensor(entry);  // lazy: no byte is read
//     use(entry.name, values);
//   }
//
// The header is validated whole before anything is believed: see `parse_safetensors_header`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "checkpoint/tensor_file.h"
#include "tensor/tensor.h"
#include "tensor/tensor_digest.h"

namespace lapidary::checkpoint {

struct SafetensorsHeader {
  std::vector<TensorEntry> entries;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
  int64_t data_begin = 0;  // where the header ends
};

// `bytes` is the whole file; `where` names it in messages. Errors (kBadInput unless noted): fewer
// than 8 bytes; a header longer than the file or than 16 MiB, of which
// an entry may have 64 KiB and the metadata 4 MiB; not starting with '{'; not JSON; duplicate keys;
// an entry without dtype, shape or data_offsets, or with other keys; a dtype
// unknown or (kUnsupported) without a place in ONNX tensors here, such as F8_E4M3 or F4; dims or
// offsets that are not integers >= 0, or overflow; offsets reversed, outside the file or not
// matching dtype and shape; tensors that overlap or leave holes; bytes after the last tensor. No
// header takes more memory than ten times its bytes.
Result<SafetensorsHeader> parse_safetensors_header(std::span<const std::byte> bytes,
                                                   const std::string& where);

class SafetensorsFile final : public TensorFile {
 public:
  // Errors: MappedFile::open's, check_downloaded's, parse_safetensors_header's.
  static Result<std::shared_ptr<const SafetensorsFile>> open(const std::filesystem::path& path);

  const MappedFile& mapped_file() const override { return *file_; }
  // In the order of their bytes.
  const std::vector<TensorEntry>& entries() const override { return header_.entries; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  // The length field and the JSON.
  std::span<const std::byte> header_bytes() const override;

  const TensorEntry* find(std::string_view name) const;  // null: no such tensor
  tensor::Tensor tensor(const TensorEntry& entry) const override;
  tensor::TensorDigest& digest(const TensorEntry& entry) const override;

 private:
  SafetensorsFile(std::shared_ptr<const MappedFile> file, SafetensorsHeader header);

  std::shared_ptr<const MappedFile> file_;
  SafetensorsHeader header_;
  std::unordered_map<std::string_view, size_t> index_;          // views of names in header_
  std::vector<std::shared_ptr<tensor::TensorDigest>> digests_;  // one an entry
};

}  // namespace lapidary::checkpoint
