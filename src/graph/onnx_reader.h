// Reads an ONNX model file into a Graph; weights stay lazy, in the model file or its data files.
//
//   LAP_ASSIGN_OR_RETURN(Graph graph, load("pkg/decoder/model.onnx"));
//
// Made for files of any writer:
// - values in raw_data, in typed fields, in files of their own; all dtypes of base/dtype.h;
// - Constant nodes become initializers, so that `Graph::constant` finds both;
// - nodes get unique names: "Conv_3" where there is none, "name_1" where it is taken;
// - bodies of If, Loop and Scan, lists of tensors, and functions of the model are carried along
//   unread (OpaqueAttribute, Graph::functions);
// - in files before IR version 4 an initializer among the inputs is a constant.
// Types of values inside the graph, documentation strings and the producer's name are dropped.
#pragma once

#include <filesystem>
#include <vector>

#include "graph/graph.h"

namespace lapidary::graph {

struct OnnxModel {
  Graph graph;
  std::vector<std::filesystem::path> files;  // the model, then its data files
};

// Errors name the file and the tensor, value or node. kBadInput: not an ONNX model, truncated data,
// external data outside the model's folder, a graph that `check` refuses. kUnsupported: element
// types without a DType in an initializer, sparse initializers, inputs and outputs that are no
// tensors, training graphs, overloaded functions, data of a body in a file of its own.
Result<OnnxModel> load_model(const std::filesystem::path& model_path);
Result<Graph> load(const std::filesystem::path& model_path);

}  // namespace lapidary::graph
