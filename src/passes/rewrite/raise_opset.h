// Brings a graph to a later opset of the standard operators, for passes that emit newer ones.
//
//   LAP_RETURN_IF_ERROR(raise_opset(graph, 21));
//
// From 13 on: nodes whose meaning or form changed on the way are rewritten to compute the same
// (axes of reductions become an input, Split gets num_outputs; opset_changes.h has all). Functions
// of the model are brought to the version too, and the model's IR version to that of the opset. A
// graph at the version or above stays as it is.
#pragma once

#include "graph/graph.h"

namespace lapidary::passes {

// 13 <= version <= 21. kUnsupported: the graph is below 13, or holds a node that has no equal in
// the version, by name; a body that holds an operator which would have to be rewritten, by the name
// of its node; such a function, by its own name.
Status raise_opset(graph::Graph& graph, int64_t version);

}  // namespace lapidary::passes
