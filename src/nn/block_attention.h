// Sliding-window attention in which the tokens of a block see each other both ways, by ONNX
// Attention (opset 23) over a cache that another node has appended to.
//
//   row of the cache   0 1 2 3 4 5 6 7      window 4; rows 0-1 are older than the step,
//   in_block               0 1 1 1 0 0      rows 3-5 are a block
//   query at row 3     x x x x x x . .      back by the window, forward to its block's end
//   query at row 5     . . x x x x . .
//   query at row 6     . . . x x x x .      causal outside blocks
//
// GroupQueryAttention is always causal on the CPU, so it only keeps the caches here. The rows that
// no query of a step sees are sliced off before: a step costs queries x (window + queries) scores
// however long the cache is. Source: create_masks_for_vision_model of transformers.
#pragma once

#include <string>

#include "graph/builder.h"
#include "nn/attention.h"

namespace lapidary::nn {

// Which rows of a cache the queries of a step see; the same for all layers with such a cache.
struct BlockMask {
  graph::Ref begin, end;  // [1] int64: no query sees a row outside
  graph::Ref visible;     // [batch, 1, queries, end - begin] bool
};

// in_block: [batch, s] bool, true for tokens of a block; neighbours of which both are true are of
// one block. past: [batch] int64, rows of the cache before the step's; end: [1] int64, rows of the
// longest cache of the batch after the step. window counts the query's own position.
BlockMask block_mask(graph::Builder& b, const graph::Ref& in_block, const graph::Ref& past,
                     const graph::Ref& end, int64_t window, const std::string& name);

// query: [batch, queries, heads * head_dim]; cache: rows [0, end) are valid, more may follow.
// -> [batch, queries, heads * head_dim]. The mask stands for shape.window.
graph::Ref attend_in_blocks(graph::Builder& b, const graph::Ref& query, const KvCache& cache,
                            const BlockMask& mask, const AttentionShape& shape,
                            const std::string& name);

}  // namespace lapidary::nn
