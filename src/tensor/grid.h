// Weights on a grid: small integer codes and a step for each block of inputs, as quantization-aware
// and packed checkpoints hold them. The tensor is one of floats to everything that does not ask; a
// pass that quantizes asks and, where its own form can hold the grid, passes the codes on instead
// of rounding a second time.
//
//   Grid g{.bits = 4, .block_size = 32, .codes = codes, .scales = scales};
//   Tensor w = on_grid(g);                                    // float32 [N, K]
//   Tensor b = transpose(cast(w, DType::kFloat));
//   std::optional<Grid> same = grid_of(transposed_operand(b));  // g
#pragma once

#include <cstdint>
#include <optional>

#include "tensor/tensor.h"

namespace lapidary::tensor {

// w[n, k] = (code[n, k] - zero[n, b]) * scale[n, b], or code[n, k] * scale[n, b] + minimum[n, b],
// with b = k / block_size. Every part can be read row by row: the tiles of its producer are N, or
// a multiple. Several parts may be outputs of one producer; they are read together then.
struct Grid {
  int bits = 4;             // 2 to 8
  int64_t block_size = 32;  // inputs of one step; K: one step for the channel
  Tensor codes;             // uint8 [N, K], one a byte, each < 2^bits
  Tensor scales;            // float32 [N, ceil(K / block_size)]; may be negative
  Tensor zero_points = {};  // uint8, as scales; invalid: 2^(bits-1) everywhere
  Tensor minimums = {};     // float32, as scales; invalid: none. Not together with zero points

  int64_t rows() const { return codes.shape()[0]; }
  int64_t inputs() const { return codes.shape()[1]; }
  int64_t blocks() const { return (inputs() + block_size - 1) / block_size; }
  bool symmetric() const { return !zero_points.valid() && !minimums.valid(); }
};

// The values, float32 [N, K], computed when they are read: the subtraction is exact, the product
// rounds once, and so does the sum.
Tensor on_grid(const Grid& grid);

// `values` [N, K], known to be those of the grid rounded to their own dtype: they are read, and the
// grid is there to be asked for.
Tensor with_grid(const Tensor& values, const Grid& grid);

// The grid that the values of `x` lie on, when its expression knows one. Casts to float32 keep it;
// everything else loses it, so ask the operand of a transpose.
std::optional<Grid> grid_of(const Tensor& x);

}  // namespace lapidary::tensor
