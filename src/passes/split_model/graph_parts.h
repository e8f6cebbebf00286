// Inside SplitModel: one graph in parts of whole layers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/graph.h"
#include "passes/split_model/decoder_layers.h"

namespace lapidary::passes {

// The first layer of each part; the first of them is 0.
using Cuts = std::vector<int64_t>;

// One graph for each of `cuts`, nothing for a part in which the graph does nothing.
// Requires fixed shapes. Errors: those of infer_shapes and infer_dtypes.
Result<std::vector<std::optional<graph::Graph>>> cut_graph(const graph::Graph& graph,
                                                           const std::vector<NodePlace>& places,
                                                           const Cuts& cuts);

// Of all initializers.
int64_t constant_bytes(const graph::Graph& graph);

}  // namespace lapidary::passes
