#include "target/graph_facts.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lapidary::target {
namespace {

using graph::Graph;
using graph::Node;
using graph::Tensor;

std::vector<int64_t> declared_dims(const graph::SymbolicShape& shape) {
  std::vector<int64_t> out;
  for (const graph::Dim& dim : shape) {
    const auto* number = std::get_if<int64_t>(&dim);
    out.push_back(number == nullptr ? kSymbolicDim : *number);
  }
  return out;
}

bool is_quantization(const Node& node) {
  return node.domain.empty() &&
         (node.op_type == "QuantizeLinear" || node.op_type == "DequantizeLinear");
}

}  // namespace

std::string name_of(Scheme scheme) {
  switch (scheme) {
    case Scheme::kPlain:
      return "not quantized";
    case Scheme::kTensor:
      return "per tensor";
    case Scheme::kChannel:
      return "per channel";
    case Scheme::kBlock:
      return "in blocks";
    case Scheme::kBlockExpansion:
      break;
  }
  return "LPBQ";
}

GraphFacts::GraphFacts(const Graph& graph, Shapes shapes)
    : graph_(graph), shapes_(std::move(shapes)), dtypes_(graph::known_dtypes(graph)) {
  for (const Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) {
      if (!output.empty()) producers_[output] = &node;
    }
    for (const std::string& input : node.inputs) {
      if (!input.empty()) readers_[input].push_back(&node);
    }
  }
}

const Node* GraphFacts::producer(const std::string& value) const {
  const auto it = producers_.find(value);
  return it == producers_.end() ? nullptr : it->second;
}

const std::vector<const Node*>& GraphFacts::readers(const std::string& value) const {
  static const std::vector<const Node*> nobody;
  const auto it = readers_.find(value);
  return it == readers_.end() ? nobody : it->second;
}

const Tensor* GraphFacts::constant(const std::string& value) const {
  if (const Tensor* tensor = graph_.constant(value)) return tensor;
  const Node* node = producer(value);
  if (node == nullptr || node->qualified_op() != "Constant") return nullptr;
  const auto it = node->attributes.find("value");
  return it == node->attributes.end() ? nullptr : std::get_if<Tensor>(&it->second);
}

std::optional<bool> GraphFacts::has_zero_points(const Node& dequantize) const {
  const std::string name = dequantize.input(2);
  if (name.empty()) return false;
  const Tensor* tensor = constant(name);
  if (tensor == nullptr || tensor->type().elements() > kMostValuesRead) return std::nullopt;
  const auto bytes = tensor->materialize();
  if (!bytes.ok()) return std::nullopt;
  return std::any_of(bytes->begin(), bytes->end(), [](std::byte b) { return b != std::byte{0}; });
}

const Operand& GraphFacts::operand(const std::string& value) const {
  const auto [it, added] = operands_.try_emplace(value);
  if (added) it->second = find_operand(value);
  return it->second;
}

Operand GraphFacts::find_operand(const std::string& value) const {
  Operand out;
  const Node* node = producer(value);
  if (node == nullptr || node->qualified_op() != "DequantizeLinear") {
    const auto dtype = dtypes_.find(value);
    if (dtype != dtypes_.end()) out.storage = dtype->second;
    out.constant = constant(value) != nullptr;
    out.zero_points = false;
    return out;
  }
  const std::string codes = node->input(0), scale = node->input(1);
  const auto dtype = dtypes_.find(codes);
  if (dtype != dtypes_.end()) out.storage = dtype->second;
  out.constant = constant(codes) != nullptr;
  out.zero_points = has_zero_points(*node);
  out.block_size = node->int_attribute("block_size", 0);
  const Node* scale_from = producer(scale);
  if (out.block_size > 0) {
    const bool integers = scale_from != nullptr && scale_from->qualified_op() == "DequantizeLinear";
    out.scheme = integers ? Scheme::kBlockExpansion : Scheme::kBlock;
    return out;
  }
  const auto scale_dims = dims(scale);
  if (!scale_dims) return {};  // per tensor or per channel, who knows: not known at all
  const bool one = scale_dims->empty() || *scale_dims == std::vector<int64_t>{1};
  out.scheme = one ? Scheme::kTensor : Scheme::kChannel;
  return out;
}

std::optional<std::vector<int64_t>> GraphFacts::dims(const std::string& value) const {
  std::string at = value;
  for (size_t steps = 0; steps <= graph_.nodes.size(); ++steps) {
    const auto given = shapes_.find(at);
    if (given != shapes_.end()) return given->second;
    for (const auto* ports : {&graph_.inputs, &graph_.outputs}) {
      for (const graph::ValueInfo& port : *ports) {
        if (port.name == at && !port.shape.empty()) return declared_dims(port.shape);
      }
    }
    if (const Tensor* tensor = constant(at)) return tensor->shape();
    const Node* node = producer(at);
    if (node == nullptr || !is_quantization(*node)) return std::nullopt;
    at = node->input(0);
  }
  return std::nullopt;
}

std::optional<Range> GraphFacts::values_told(const Node& conversion) const {
  const bool quantizes = conversion.op_type == "QuantizeLinear";
  const auto dtype = dtypes_.find(quantizes ? conversion.outputs[0] : conversion.inputs[0]);
  const auto scale = values(conversion.input(1));
  if (dtype == dtypes_.end() || !scale || scale->size() != 1) return std::nullopt;
  const bool is_signed = dtype->second == DType::kInt8 || dtype->second == DType::kInt16;
  if (!is_signed && dtype->second != DType::kUint8 && dtype->second != DType::kUint16) {
    return std::nullopt;
  }
  double zero = 0;
  if (const std::string name = conversion.input(2); !name.empty()) {
    const Tensor* tensor = constant(name);
    if (tensor == nullptr || tensor->type().elements() != 1) return std::nullopt;
    const auto codes = tensor->to_integers();
    if (!codes.ok()) return std::nullopt;
    zero = static_cast<double>(codes->front());
  }
  const auto step = static_cast<double>(scale->front());
  const double codes = std::exp2(bits_of(dtype->second));
  const double lowest = is_signed ? -codes / 2 : 0;
  return Range{(lowest - zero) * step, (lowest + codes - 1 - zero) * step};
}

std::optional<float> GraphFacts::lower_bound(const std::string& value) const {
  const Tensor* tensor = constant(value);
  return tensor == nullptr ? std::nullopt : tensor->lower_bound();
}

std::optional<std::vector<float>> GraphFacts::values(const std::string& value) const {
  const Tensor* tensor = constant(value);
  if (tensor == nullptr || tensor->type().elements() > kMostValuesRead) return std::nullopt;
  if (!is_float(tensor->dtype())) return std::nullopt;
  auto floats = tensor->to_floats();
  if (!floats.ok()) return std::nullopt;
  return std::move(floats).value();
}

}  // namespace lapidary::target
