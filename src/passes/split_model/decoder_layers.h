// Inside SplitModel: which decoder layer each node of a graph belongs to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace lapidary::passes {

// "model.layers.3.mlp/MatMul" and "/model/layers.3/mlp/MatMul" -> 3. A node without a name goes by
// its first output.
std::optional<int64_t> layer_named_by(const graph::Node& node);
// The highest layer that nodes are named after; nothing when none is.
std::optional<int64_t> last_layer(const graph::Graph& graph);

struct NodePlace {
  // Not below those of the nodes it reads. What follows the last layer (final norm, lm-head) counts
  // as one layer more, `last` + 1; what precedes the first one as layer 0.
  int64_t layer = 0;
  // Cheap enough to be repeated wherever its result is read: what depends on constants alone; what
  // only moves, casts or encodes inputs and outputs of the graph; what has no layer and computes
  // from inputs of the graph with small constants; every DequantizeLinear.
  bool repeated = false;
};

// One for each node.
std::vector<NodePlace> place_nodes(const graph::Graph& graph, int64_t last);

}  // namespace lapidary::passes
