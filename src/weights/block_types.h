// The types of a blockwise weight's parts, for those who make them. Inside this room only.
#pragma once

#include <vector>

#include "quant/format.h"
#include "tensor/tensor.h"

namespace lapidary::weights {

// Of [n, k] values: codes and scales, and packed zero points if they are wanted.
inline std::vector<tensor::TensorType> block_types(int64_t n, int64_t k,
                                                   const quant::BlockFormat& format,
                                                   bool zero_points) {
  const int64_t blocks = (k + format.block_size - 1) / format.block_size;
  const tensor::Shape codes =
      format.layout == quant::Layout::kMatMulNBits
          ? tensor::Shape{n, blocks, int64_t{format.block_size} * format.bits / 8}
          : tensor::Shape{n, (k * format.bits + 7) / 8};
  std::vector<tensor::TensorType> types = {{DType::kUint8, codes}, {DType::kFloat, {n, blocks}}};
  if (zero_points) types.push_back({DType::kUint8, {n, (blocks * format.bits + 7) / 8}});
  return types;
}

}  // namespace lapidary::weights
