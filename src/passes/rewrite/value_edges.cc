#include "passes/rewrite/value_edges.h"

#include <algorithm>
#include <utility>

#include "contract/notes.h"
#include "graph/body_captures.h"

namespace lapidary::passes {

using graph::Graph;
using graph::Node;

namespace {

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

const Node* producer_of(const Graph& graph, const std::string& value, const std::string& op_type) {
  for (const Node& node : graph.nodes) {
    if (contains(node.outputs, value)) return node.qualified_op() == op_type ? &node : nullptr;
  }
  return nullptr;
}

std::vector<const Node*> readers_of(const Graph& graph, const std::string& value) {
  std::vector<const Node*> out;
  for (const Node& node : graph.nodes) {
    if (contains(node.reads(), value)) out.push_back(&node);
  }
  return out;
}

std::optional<float> scalar_of(const Graph& graph, const std::string& value) {
  const graph::Tensor* constant = graph.constant(value);
  if (constant == nullptr || constant->dtype() != DType::kFloat ||
      constant->type().elements() != 1) {
    return std::nullopt;
  }
  const auto values = constant->to_floats();
  return values.ok() ? std::optional(values->front()) : std::nullopt;
}

const std::string& other_input(const Node& node, const std::string& value) {
  return node.inputs[node.inputs[0] == value ? 1 : 0];
}

bool has_value(const Graph& graph, const std::string& name) {
  return graph.is_input(name) || graph.initializers.contains(name) ||
         std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [&](const Node& node) { return contains(node.outputs, name); });
}

bool is_value_of_body(const Graph& graph, const std::string& name) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    return std::any_of(node.opaque.begin(), node.opaque.end(),
                       [&](const auto& entry) { return entry.second.values.contains(name); });
  });
}

Status rename_value(Graph& graph, const std::string& from, const std::string& to) {
  for (auto* ports : {&graph.inputs, &graph.outputs}) {
    for (graph::ValueInfo& port : *ports) {
      if (port.name == from) port.name = to;
    }
  }
  for (Node& node : graph.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), from, to);
    std::replace(node.outputs.begin(), node.outputs.end(), from, to);
    for (auto& [key, body] : node.opaque) {
      if (!body.captures.contains(from)) continue;
      LAP_RETURN_IF_ERROR(graph::rename_captures(body, {{from, to}}));
    }
  }
  if (auto entry = graph.initializers.extract(from)) {
    entry.key() = to;
    graph.initializers.insert(std::move(entry));
  }
  if (auto entry = graph.metadata.extract(contract::notes::encoding(from))) {
    entry.key() = contract::notes::encoding(to);
    graph.metadata.insert(std::move(entry));
  }
  return {};
}

}  // namespace lapidary::passes
