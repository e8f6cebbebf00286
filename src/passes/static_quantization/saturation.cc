#include "passes/static_quantization/saturation.h"

#include <limits>
#include <optional>

#include "passes/static_quantization/encoding_groups.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using quant::Range;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Input i as a number; `absent` when it is left out.
std::optional<float> scalar(const Graph& graph, const Node& node, size_t i, float absent) {
  if (i >= node.inputs.size() || node.inputs[i].empty()) return absent;
  const tensor::Tensor* constant = graph.constant(node.inputs[i]);
  if (constant == nullptr || constant->type().elements() != 1) return std::nullopt;
  const auto values = constant->to_floats();
  if (!values.ok()) return std::nullopt;
  return values->front();
}

struct Uses {
  std::map<std::string, const Node*> producers;
  std::map<std::string, int64_t> readers;
};

Uses uses_of(const Graph& graph) {
  Uses out;
  for (const Node& node : graph.nodes) {
    for (const std::string& value : node.inputs) ++out.readers[value];
    for (const std::string& value : node.outputs) out.producers[value] = &node;
  }
  for (const graph::ValueInfo& output : graph.outputs) ++out.readers[output.name];
  return out;
}

}  // namespace

std::optional<Range> limits_of(const Graph& graph, const Node& node) {
  if (node.qualified_op() == "Relu") return Range{0, kInfinity};
  if (node.qualified_op() != "Clip") return std::nullopt;
  const auto min = scalar(graph, node, 1, -kInfinity);
  const auto max = scalar(graph, node, 2, kInfinity);
  if (!min || !max || !(*min <= 0 && *max >= 0)) return std::nullopt;
  return Range{*min, *max};
}

std::map<std::string, Range> saturations(const Graph& graph,
                                         const std::set<std::string>& selected) {
  const Uses uses = uses_of(graph);
  std::map<std::string, Range> out;
  for (const Node& node : graph.nodes) {
    if (!selected.contains(node.name) || graph.is_output(node.outputs[0])) continue;
    const std::optional<Range> limits = limits_of(graph, node);
    if (!limits || uses.readers.at(node.inputs[0]) != 1) continue;
    const auto producer = uses.producers.find(node.inputs[0]);
    if (producer == uses.producers.end()) continue;
    const Node& before = *producer->second;
    if (!selected.contains(before.name) || moves_data(before) || out.contains(before.name)) {
      continue;
    }
    out.emplace(node.name, *limits);
  }
  return out;
}

bool ends_within(const quant::Affine& affine, DType type, const Range& limits) {
  const quant::CodeRange codes = quant::codes_of(type, false);
  const auto value = [&](int32_t code) {
    return static_cast<float>(code - affine.zero_point) * affine.scale;
  };
  const float slack = affine.scale;
  return value(codes.min) >= limits.min - slack && value(codes.max) <= limits.max + slack;
}

}  // namespace lapidary::passes
