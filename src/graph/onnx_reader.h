// Reads an ONNX model file into a Graph; weights stay lazy, in the model file or its data files.
//
//   LAP_ASSIGN_OR_RETURN(Graph graph, load("pkg/decoder/model.onnx"));
#pragma once

#include <filesystem>

#include "graph/graph.h"

namespace lapidary::graph {

// Errors name the file and the tensor or node: not an ONNX model, truncated data, external data
// outside the model's folder, unsupported attribute or element types (subgraphs, sparse tensors,
// ...).
Result<Graph> load(const std::filesystem::path& model_path);

}  // namespace lapidary::graph
