// Unsigned integers of 4 or 8 bits in words of 32, the first in the lowest bits, as lazy tensors of
// a byte each.
//
//   Tensor codes = unpacked_columns(packed, 4, k);  // int32 [N, ceil(k / 8)] -> uint8 [N, k]
//   Tensor zeros = unpacked_rows(packed, 4, n);     // int32 [ceil(n / 8), G] -> uint8 [n, G]
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace lapidary::checkpoint {

// Packed along the last dim, of which `cols` integers are used.
tensor::Tensor unpacked_columns(const tensor::Tensor& packed, int bits, int64_t cols);
// Packed along the first dim, of which `rows` integers are used.
tensor::Tensor unpacked_rows(const tensor::Tensor& packed, int bits, int64_t rows);

}  // namespace lapidary::checkpoint
