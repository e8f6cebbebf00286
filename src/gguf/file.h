// A GGUF file: metadata, and tensors that are read when someone asks for their values.
//
//   LAP_ASSIGN_OR_RETURN(const auto file, GgufFile::open(path));
//   for (const TensorInfo& info : file->tensors()) {
//     tensor::Tensor values = dequantized(*file, info);  // lazy: no byte is read
//     use(info.name, info.format->name, values);
//   }
//
// Tensors are read with pread, the header once into memory: a file that gets shorter while it is
// read is an error (kIo), and one that is written to meanwhile changes values, never bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "gguf/header.h"
#include "tensor/tensor.h"
#include "tensor/tensor_digest.h"

namespace lapidary::gguf {

class GgufFile {
 public:
  // Errors: those of MappedFile::open and parse_header; kIo when the file gets shorter meanwhile.
  static Result<std::shared_ptr<const GgufFile>> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_->path(); }
  const Metadata& metadata() const { return header_.metadata; }
  const std::vector<TensorInfo>& tensors() const { return header_.tensors; }
  const TensorInfo* find(std::string_view name) const;  // null: no such tensor
  int64_t data_begin() const { return header_.data_begin; }
  const MappedFile& mapped_file() const { return *file_; }

  // `info` is one of tensors() here and below. What the file holds, lazy: a plain type with its
  // dtype and shape; a packed one as uint8 [rows, row_bytes].
  tensor::Tensor stored(const TensorInfo& info) const;
  // Of what is read of stored(), or of anything made from it.
  tensor::TensorDigest& digest(const TensorInfo& info) const;

 private:
  GgufFile(std::shared_ptr<const MappedFile> file, Header header);
  size_t index_of(const TensorInfo& info) const;

  std::shared_ptr<const MappedFile> file_;
  Header header_;
  std::vector<uint32_t> by_name_;  // indices of tensors(), in the order of their names
  std::vector<std::shared_ptr<tensor::TensorDigest>> digests_;  // one a tensor
};

}  // namespace lapidary::gguf
