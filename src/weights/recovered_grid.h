// The grid of bfloat16 weights that lie on 4-bit blocks of 32 (quant/grid_recovery.h) as lazy
// tensors: recovered row by row, when a pass that keeps the codes is written.
//
//   const auto share = std::make_shared<RecoveredShare>();
//   Tensor w = recovered_grid(stored, "model.layers.0.mlp.up_proj.weight", true, share);
//   std::optional<tensor::Grid> grid = tensor::grid_of(w);  // codes, steps; symmetric
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "tensor/grid.h"

namespace lapidary::weights {

// How much of a tensor was on the grid, of what was read so far. Blocks that are read twice count
// twice, so only the ratio says something.
struct RecoveredShare {
  std::atomic<int64_t> blocks = 0;
  std::atomic<int64_t> recovered = 0;
};

// Whether a tensor of which these rows are a sample lies on a grid, mostly: at least every second
// block that is not all zeros, and one such block at all. `rows` are whole rows of `k` weights.
bool looks_gridded(std::span<const uint16_t> rows, int64_t k);

// `values`, bfloat16 [N, K], with their grid. A block that is on none is rounded to the nearest
// codes of one of its own (quant/symmetric_blocks.h) and counted; with `required` it is an error
// instead, kBadInput, that names the tensor, the row and the block.
tensor::Tensor recovered_grid(const tensor::Tensor& values, const std::string& name, bool required,
                              std::shared_ptr<RecoveredShare> share);

}  // namespace lapidary::weights
