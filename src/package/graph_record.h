// What the manifest says of one graph.
//
//   GraphRecord record = take_graph_record(graph, "decoder/model.onnx");
//   LAP_ASSIGN_OR_RETURN(auto saved, graph::save(graph, package / record.file, {}));
#pragma once

#include <string>

#include "graph/graph.h"
#include "package/manifest.h"

namespace lapidary::package {

// Ports, operator counts and stored tensors, named like the graph. The passes' notes on how tensors
// were quantized (metadata "quantization:<tensor>") and what the integers of ports stand for
// ("encoding:<port>", {"dtype", "scale", "zero_point"}) move from the graph into the record: the
// manifest keeps them, the ONNX file need not. Role and part are the caller's to set.
GraphRecord take_graph_record(graph::Graph& graph, std::string file);

}  // namespace lapidary::package
