// The mean of each kernel x kernel cell of a grid whose patches come in any order, told by their
// positions. Source: Gemma4VisionPooler of transformers.
#pragma once

#include <string>

#include "graph/builder.h"

namespace lapidary::nn {

struct PooledGrid {
  graph::Ref cells;  // [batch, patches / kernel^2, hidden], row by row; zeros behind the last cell
  graph::Ref is_real;  // [batch, patches / kernel^2] bool: a patch fell into the cell
};

// x: [batch, patches, hidden]; positions: [batch, patches, 2] int64 (x, y); padding: [batch,
// patches] bool, patches that count for nothing. Each cell is its patches' sum times
// `factor` / kernel^2. The patches of an image must fill a grid that is a multiple of `kernel` wide
// and high, and `patches` be a multiple of kernel^2: others are cut off, as the grid's width is
// taken from the largest x.
//
// A product with a 0/1 matrix: for 2520 patches of 768 a thousandth of the encoder's work, and
// every target has it.
PooledGrid pool_grid(graph::Builder& b, const graph::Ref& x, const graph::Ref& positions,
                     const graph::Ref& padding, int64_t kernel, float factor,
                     const std::string& name);

}  // namespace lapidary::nn
