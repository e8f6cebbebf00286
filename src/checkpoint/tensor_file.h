// One file of tensors, whatever its format: what StoredTensors asks of it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/tensor.h"
#include "tensor/tensor_digest.h"

namespace lapidary::checkpoint {

struct TensorEntry {
  std::string name;
  tensor::TensorType type;  // of packed blocks: uint8 [rows, bytes of a row]
  int64_t offset = 0;       // of the first byte, from the file's beginning
};

class TensorFile {
 public:
  virtual ~TensorFile() = default;

  virtual const MappedFile& mapped_file() const = 0;
  // All that is no tensor's bytes, or all that says what they are.
  virtual std::span<const std::byte> header_bytes() const = 0;
  virtual const std::vector<TensorEntry>& entries() const = 0;
  // As they are stored; lazy. `entry` is one of entries(), here and below.
  virtual tensor::Tensor tensor(const TensorEntry& entry) const = 0;
  // Of what is read of tensor(), or of what is made from it.
  virtual tensor::TensorDigest& digest(const TensorEntry& entry) const = 0;

  const std::filesystem::path& path() const { return mapped_file().path(); }
  std::span<const std::byte> bytes() const { return mapped_file().bytes(); }
};

}  // namespace lapidary::checkpoint
