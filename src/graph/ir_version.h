// Versions of ONNX's intermediate representation, of which a model file declares one. Readers of an
// older version refuse the file.
//
//   graph.opsets[""] = 21;
//   raise_ir_version(graph, ir_version_of_opset(21));  // 8 becomes 10; 12 stays
#pragma once

#include <cstdint>

#include "graph/graph.h"

namespace lapidary::graph {

// That of the first release of ONNX with that opset of the standard operators. Source: its table of
// releases (docs/Versioning.md).
int64_t ir_version_of_opset(int64_t opset);

// For what is added to a graph. One that was made here stays as it is.
void raise_ir_version(Graph& graph, int64_t least);

// What the graph's file declares: the version that the graph came with, or what its initializers,
// ports and functions need where that is more; 11 for a graph that was made here.
int64_t ir_version_to_write(const Graph& graph);

}  // namespace lapidary::graph
