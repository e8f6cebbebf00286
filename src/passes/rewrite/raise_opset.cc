#include "passes/rewrite/raise_opset.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;

constexpr int64_t kOldest = 13;

// Source: ONNX's changelog of operators, versions 14 to 21. Later versions of operators that are
// not listed take all that earlier ones did, with the same meaning.
struct Change {
  std::string_view op;
  int64_t since;  // nodes of earlier opsets are concerned
};
constexpr std::array kAxesToInput = {
    Change{"ReduceL1", 18},        Change{"ReduceL2", 18},   Change{"ReduceLogSum", 18},
    Change{"ReduceLogSumExp", 18}, Change{"ReduceMax", 18},  Change{"ReduceMean", 18},
    Change{"ReduceMin", 18},       Change{"ReduceProd", 18}, Change{"ReduceSumSquare", 18},
};
constexpr Change kSplit{"Split", 18};
constexpr std::array kWithoutEqual = {
    Change{"BatchNormalization", 14},  // a training form by the number of outputs
    Change{"GroupNormalization", 21},  // scale and bias by group
};

bool concerns(const Change& change, std::string_view op, int64_t version) {
  return op == change.op && version < change.since;
}

bool has_equal(const Node& node, int64_t version) {
  return std::none_of(kWithoutEqual.begin(), kWithoutEqual.end(), [&](const Change& change) {
    if (!concerns(change, node.op_type, version)) return false;
    return node.op_type != "BatchNormalization" || node.outputs.size() > 1;
  });
}

bool changed(std::string_view op, int64_t version) {
  const auto hit = [&](const Change& change) { return concerns(change, op, version); };
  return std::any_of(kAxesToInput.begin(), kAxesToInput.end(), hit) || hit(kSplit) ||
         std::any_of(kWithoutEqual.begin(), kWithoutEqual.end(), hit);
}

Error no_way(const Node& node, const std::string& what, int64_t from, int64_t to) {
  return unsupported(
      node.name,
      fmt::format("{} of opset {} has no equal in opset {}, which the pass needs", what, from, to),
      fmt::format("export the model with opset {} or later", to));
}

std::string unique(const Graph& graph, const std::string& name) {
  std::string out = name;
  for (int i = 1; graph.initializers.contains(out) || graph.is_input(out); ++i) {
    out = fmt::format("{}_{}", name, i);
  }
  return out;
}

void axes_to_input(Graph& graph, Node& node) {
  const auto it = node.attributes.find("axes");
  if (it == node.attributes.end()) return;
  if (const auto* axes = std::get_if<std::vector<int64_t>>(&it->second)) {
    const std::string name = unique(graph, node.name + ".axes");
    graph.initializers.emplace(name, tensor::integers({static_cast<int64_t>(axes->size())}, *axes));
    node.inputs.resize(1);
    node.inputs.push_back(name);
  }
  node.attributes.erase("axes");
}

Status raise(Graph& graph, Node& node, int64_t from, int64_t to) {
  for (const auto& [key, body] : node.opaque) {
    for (const std::string& op : body.ops) {
      if (changed(op, from)) {
        return no_way(node, fmt::format("the body '{}' holds {}, which", key, op), from, to);
      }
    }
  }
  if (!node.domain.empty()) return {};
  if (!has_equal(node, from)) return no_way(node, node.op_type, from, to);
  for (const Change& change : kAxesToInput) {
    if (concerns(change, node.op_type, from)) axes_to_input(graph, node);
  }
  if (concerns(kSplit, node.op_type, from) && (node.inputs.size() < 2 || node.inputs[1].empty())) {
    node.attributes["num_outputs"] = static_cast<int64_t>(node.outputs.size());
  }
  return {};
}

}  // namespace

Status raise_opset(Graph& graph, int64_t version) {
  int64_t& now = graph.opsets[""];
  if (now >= version) return {};
  if (now < kOldest) {
    return unsupported(
        graph.name,
        fmt::format("the model is of opset {}, the pass needs {} and can start from {}", now,
                    version, kOldest),
        "export the model with a later opset");
  }
  for (Node& node : graph.nodes) LAP_RETURN_IF_ERROR(raise(graph, node, now, version));
  now = version;
  return {};
}

}  // namespace lapidary::passes
