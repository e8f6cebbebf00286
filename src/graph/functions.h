// Functions of a model (Graph::functions), which graphs carry along: what is in them, and the opset
// that they are written in.
//
//   LAP_ASSIGN_OR_RETURN(const FunctionFacts facts, function_facts(graph.functions[0]));
//   const std::string& name = facts.name;  // "my::F"
//   const int64_t opset = facts.opset;     // 13, of the standard operators
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/result.h"

namespace lapidary::graph {

struct FunctionFacts {
  std::string name;             // Node::qualified_op of the nodes that call it
  int64_t opset = 0;            // of the standard operators; 0: it imports none
  std::set<std::string> ops;    // Node::qualified_op of its nodes and of those in their bodies
  std::set<std::string> names;  // of its values and nodes, and of those in their bodies
};

// `proto`: an onnx.FunctionProto, serialized. kInternal: it is none.
Result<FunctionFacts> function_facts(const std::string& proto);
// The same function, its standard operators imported in `opset`.
Result<std::string> with_opset(const std::string& proto, int64_t opset);

}  // namespace lapidary::graph
