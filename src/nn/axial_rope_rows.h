// Rotary position embedding on a grid, as axial_rope.h, in plain arithmetic and with fixed shapes:
// for targets without RotaryEmbedding. The halves of a head are rows of their own, so that the form
// is that of one axis.
#pragma once

#include <string>
#include <vector>

#include "graph/builder.h"
#include "nn/rope.h"

namespace lapidary::nn {

// positions: [1, patches, 2] int32 (x, y), each in [0, limit); frequencies: those of a head of
// head_dim / 2 -> cos and sin [1, 1, patches * 2, head_dim / 2], looked up in constant tables of
// `limit` rows. The first half of sin is negative: rotated = x cos + swapped(x) sin, where
// swapped exchanges the halves of a row.
RopeTable axial_rope_rows(graph::Builder& b, const graph::Ref& positions, int64_t patches,
                          int64_t limit, const std::string& name,
                          const std::vector<float>& frequencies);

// x: [1, heads, patches, head_dim] -> the same.
graph::Ref apply_axial_rope_rows(graph::Builder& b, const graph::Ref& x, const RopeTable& table,
                                 const tensor::Shape& shape, const std::string& name);

}  // namespace lapidary::nn
