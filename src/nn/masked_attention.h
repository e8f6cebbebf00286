// Attention of every row to every row under an additive mask, in plain products: the form that NPUs
// take in integers. For the CPU see bidirectional_attention.h, which holds far less in memory.
#pragma once

#include <string>

#include "graph/builder.h"
#include "nn/attention.h"

namespace lapidary::nn {

// query: [1, heads, rows, head_dim]; key, value: [1, kv_heads, rows, head_dim]; mask: what is added
// to the scores, [1, 1, 1, rows] -> [1, heads, rows, head_dim]. shape.scale must be 1 and
// shape.window 0. Neighbouring query heads share a key/value head.
graph::Ref masked_attention(graph::Builder& b, const graph::Ref& query, const graph::Ref& key,
                            const graph::Ref& value, const graph::Ref& mask, int64_t rows,
                            const AttentionShape& shape, const std::string& name);

}  // namespace lapidary::nn
