// Which files a model makes its reader open.
//
//   LAP_ASSIGN_OR_RETURN(auto files, referenced_files("pkg/decoder/model.onnx"));
//   const bool outside = files.contains("model.onnx.data");  // true
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "base/result.h"

namespace lapidary::graph {

// External data of tensors, wherever they are (initializers, attributes, bodies, functions), and
// the binaries of EPContext nodes, which lie beside them: relative to the model's folder, spelt as
// in the model. Of the weights nothing is read. Errors: kBadInput when it is no ONNX model; kIo.
Result<std::set<std::string>> referenced_files(const std::filesystem::path& model);

}  // namespace lapidary::graph
