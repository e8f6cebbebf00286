// Values of the graph around that bodies read, under other names.
//
//   LAP_RETURN_IF_ERROR(rename_captures(node.opaque.at("body"), {{"x", "x/float32"}}));
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "graph/graph.h"

namespace lapidary::graph {

// `names`: old to new. Where a body has a value of its own with the old name, that one is meant,
// and stays. The new names must be none of the bodies'. kInternal: the attribute is no attribute of
// ONNX.
Status rename_captures(OpaqueAttribute& attribute, const std::map<std::string, std::string>& names);

}  // namespace lapidary::graph
