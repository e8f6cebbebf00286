// A lazy tensor of what the blocks of a packed tensor hold: so many values a block, of one dtype.
// Reads only the blocks that a box touches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "tensor/tensor.h"

namespace lapidary::gguf {

struct BlockValues {
  std::string name;             // "dequantize<Q4_0>", for Producer::describe
  DType dtype = DType::kFloat;  // of whole bytes
  int64_t block_bytes = 0;
  int64_t values_a_block = 0;
  // Whole blocks to values_a_block values each, which are aligned as their dtype is.
  std::function<void(std::span<const std::byte> blocks, std::span<std::byte> values)> decode;
};

// `blocks`: uint8 [rows, bytes of a row], whole blocks. The result has `shape`, of as many rows.
tensor::Tensor block_values(tensor::Tensor blocks, tensor::Shape shape, BlockValues values);

}  // namespace lapidary::gguf
