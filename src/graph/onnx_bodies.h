// Inside the reader of ONNX files: attributes and functions that are carried along unread.
#pragma once

#include <string>

#include "base/result.h"
#include "graph/graph.h"

namespace onnx {
class AttributeProto;
class FunctionProto;
}  // namespace onnx

namespace lapidary::graph {

// Errors, naming `where` and the attribute: kUnsupported for values in a file of their own (their
// place would change) and for an attribute that refers to a function's.
Result<OpaqueAttribute> carried(const onnx::AttributeProto& proto, const std::string& where);
Result<std::string> carried(const onnx::FunctionProto& proto, const std::string& where);

}  // namespace lapidary::graph
