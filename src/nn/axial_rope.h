// Rotary position embedding on a grid: the first half of each head is rotated by the patch's x, the
// second by its y, each half as in rope.h. Source: apply_multidimensional_rope of transformers.
#pragma once

#include <string>
#include <vector>

#include "graph/builder.h"
#include "nn/rope.h"

namespace lapidary::nn {

// positions: [batch, patches, 2] int64 (x, y); frequencies: those of a head of head_dim / 2, so
// head_dim / 4 of them -> cos and sin [batch, patches * heads * 2, head_dim / 4].
//
// The table repeats itself for every head, so that a head's two halves become rows of their own and
// one RotaryEmbedding turns them all without a split, a transpose or a concatenation in each layer.
// The price is paid once: 16 MB for 2520 patches and 12 heads of 64.
RopeTable axial_rope_table(graph::Builder& b, const graph::Ref& positions, int64_t heads,
                           const std::string& name, const std::vector<float>& frequencies);

// x: [batch, patches * heads, head_dim], the heads of a patch one after the other -> [batch,
// patches, heads, head_dim]. The table is one for as many heads.
graph::Ref apply_axial_rope(graph::Builder& b, const graph::Ref& x, const RopeTable& table,
                            int64_t heads, int64_t head_dim, const std::string& name);

}  // namespace lapidary::nn
