// The dtype of every value of a graph.
//
//   LAP_ASSIGN_OR_RETURN(const DTypes dtypes, infer_dtypes(graph));
//   const DType norm = dtypes.at("model.norm/RMSNormalization");  // DType::kFloat
#pragma once

#include <map>
#include <string>

#include "graph/graph.h"

namespace lapidary::graph {

using DTypes = std::map<std::string, DType>;  // by value name

// Errors: kUnsupported, naming the node, for an operator whose rule is not known here.
Result<DTypes> infer_dtypes(const Graph& graph);

// The same for models from elsewhere: what cannot be told, of an operator without a rule and of
// what depends on it, is left out. Bodies and graph outputs say what they yield.
DTypes known_dtypes(const Graph& graph);

}  // namespace lapidary::graph
