#include "graph/fresh_names.h"

#include <fmt/core.h>

#include "graph/functions.h"

namespace lapidary::graph {

FreshNames::FreshNames(const Graph& graph) {
  for (const auto* ports : {&graph.inputs, &graph.outputs}) {
    for (const ValueInfo& port : *ports) names_.insert(port.name);
  }
  for (const auto& [name, tensor] : graph.initializers) names_.insert(name);
  for (const Node& node : graph.nodes) {
    names_.insert(node.name);
    names_.insert(node.outputs.begin(), node.outputs.end());
    for (const auto& [key, body] : node.opaque) names_.insert(body.names.begin(), body.names.end());
  }
  for (const std::string& function : graph.functions) {
    const auto facts = function_facts(function);
    if (facts.ok()) names_.insert(facts->names.begin(), facts->names.end());
  }
}

std::string FreshNames::fresh(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 1; !names_.insert(name).second; ++i) name = fmt::format("{}_{}", wanted, i);
  return name;
}

}  // namespace lapidary::graph
