// Weights on a grid (tensor/grid.h) in the form of MatMulNBits and GatherBlockQuantized, with the
// codes that they have: nothing is rounded.
//
//   if (reason_against_keeping(grid, wanted).empty()) {
//     const BlockwiseWeight w = keep_codes(rows, grid, kept_format(grid, wanted));
//   }
//
// What holds a grid: as many bits, and blocks that its blocks consist of whole (a grid of 128 is
// one of 32 whose steps come four times). Symmetric grids need no zero points, whatever was wanted.
// Minimums become zero points of float32, -minimum / scale, which MatMulNBits takes and
// GatherBlockQuantized does not: (code - zero) * scale is code * scale + minimum but for the
// rounding of float32.
#pragma once

#include <string>

#include "tensor/grid.h"
#include "weights/blockwise.h"

namespace lapidary::weights {

// Why the codes of a grid cannot stay where `wanted` was asked for; empty when they can.
std::string reason_against_keeping(const tensor::Grid& grid, const WeightFormat& wanted);

// The format that they then have.
WeightFormat kept_format(const tensor::Grid& grid, WeightFormat wanted);

// `rows`: the values, float [N, K] (quantized_operand gives them back). Lazy, as
// quantize_blockwise.
BlockwiseWeight keep_codes(const tensor::Tensor& rows, const tensor::Grid& grid,
                           const WeightFormat& format);

// The float weights of codes that keep_codes made; an invalid tensor for any other codes.
tensor::Tensor kept_operand(const tensor::Tensor& codes);

}  // namespace lapidary::weights
