#include "probe/node_units.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <type_traits>
#include <variant>

namespace lapidary::probe {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Tensor;

constexpr int64_t kSmallConstant = 64;  // elements

bool dequantizes(const Node& node) { return node.op_type == "DequantizeLinear"; }
bool quantizes(const Node& node) { return node.op_type == "QuantizeLinear"; }

class Cutter {
 public:
  explicit Cutter(const Graph& graph) : graph_(graph) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const std::string& output : graph.nodes[i].outputs) {
        if (!output.empty()) producer_[output] = i;
      }
      for (const std::string& input : graph.nodes[i].inputs) consumers_[input].push_back(i);
    }
  }

  std::vector<NodeUnit> units() {
    std::vector<NodeUnit> units;
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!dequantizes(graph_.nodes[i]) && !quantizes(graph_.nodes[i])) add(i, units);
    }
    // From one encoding to another, with nothing between.
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      if (quantizes(node) && !covered_.contains(i) && dequantized(node.inputs[0])) add(i, units);
    }
    std::stable_sort(units.begin(), units.end(),
                     [](const NodeUnit& a, const NodeUnit& b) { return a.node < b.node; });
    return units;
  }

 private:
  bool dequantized(const std::string& value) const {
    const auto found = producer_.find(value);
    return found != producer_.end() && dequantizes(graph_.nodes[found->second]);
  }

  void add(size_t node, std::vector<NodeUnit>& units) {
    NodeUnit unit;
    unit.node = node;
    std::set<size_t> members = {node};
    for (const std::string& input : graph_.nodes[node].inputs) add_dequantizers(input, members);
    for (const std::string& output : graph_.nodes[node].outputs) {
      const auto readers = consumers_.find(output);
      const bool read = readers != consumers_.end();
      if (output.empty() || (!read && !graph_.is_output(output))) continue;
      if (read && readers->second.size() == 1 && !graph_.is_output(output) &&
          !quantizes(graph_.nodes[node]) && quantizes(graph_.nodes[readers->second[0]])) {
        members.insert(readers->second[0]);
        unit.outputs.push_back(graph_.nodes[readers->second[0]].outputs[0]);
      } else {
        unit.outputs.push_back(output);
      }
    }
    unit.members.assign(members.begin(), members.end());
    unit.inputs = fed(members);
    covered_.insert(members.begin(), members.end());
    if (!unit.inputs.empty() && !unit.outputs.empty()) units.push_back(std::move(unit));
  }

  // A scale may itself be dequantized: LPBQ's form.
  void add_dequantizers(const std::string& value, std::set<size_t>& members) const {
    if (!dequantized(value)) return;
    const size_t producer = producer_.at(value);
    if (!members.insert(producer).second) return;
    for (const std::string& input : graph_.nodes[producer].inputs) {
      add_dequantizers(input, members);
    }
  }

  std::vector<std::string> fed(const std::set<size_t>& members) const {
    std::vector<std::string> inputs;
    for (const size_t member : members) {
      for (const std::string& input : graph_.nodes[member].inputs) {
        const auto found = producer_.find(input);
        const bool inside = found != producer_.end() && members.contains(found->second);
        if (input.empty() || inside || graph_.constant(input) != nullptr) continue;
        if (std::find(inputs.begin(), inputs.end(), input) == inputs.end()) inputs.push_back(input);
      }
    }
    return inputs;
  }

  const Graph& graph_;
  std::map<std::string, size_t> producer_;
  std::map<std::string, std::vector<size_t>> consumers_;
  std::set<size_t> covered_;
};

graph::ValueInfo info(const std::string& name, const ValueTypes& types) {
  const tensor::TensorType& type = types.at(name);
  return {name, type.dtype, {type.shape.begin(), type.shape.end()}};
}

std::string type_text(const tensor::TensorType& type) {
  return std::string(name_of(type.dtype)) + tensor::to_string(type.shape);
}

Result<std::string> constant_text(const Tensor& constant, bool by_value) {
  std::string text = type_text(constant.type());
  if (!by_value || constant.type().elements() > kSmallConstant) return text;
  LAP_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, constant.materialize());
  text += "=";
  for (const std::byte byte : bytes) {
    text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  }
  return text;
}

// The lowest code, the middle one and the highest are those that kernels may have forms of their
// own for; any other is an offset like the next.
const char* class_of(int64_t zero_point, DType dtype) {
  const bool is_signed = dtype == DType::kInt8 || dtype == DType::kInt16;
  const int64_t half = int64_t{1} << (bits_of(dtype) - 1);
  const int64_t code = is_signed ? zero_point + half : zero_point;
  if (code == 0) return "lowest";
  if (code == half) return "middle";
  return code == 2 * half - 1 ? "highest" : "other";
}

// dtype, shape and the classes that occur. Those of weights of another width are told by value.
Result<std::string> zero_point_text(const Tensor& constant) {
  const DType dtype = constant.type().dtype;
  if (dtype != DType::kUint8 && dtype != DType::kInt8 && dtype != DType::kUint16 &&
      dtype != DType::kInt16) {
    return constant_text(constant, true);
  }
  std::set<std::string> classes;
  LAP_ASSIGN_OR_RETURN(const auto values, constant.to_integers());
  for (const int64_t value : values) classes.insert(class_of(value, dtype));
  std::string text = type_text(constant.type()) + "~";
  for (const std::string& each : classes) text += each + ",";
  return text;
}

// Tells the encodings of a unit's activations apart by numbers of its own, for a Reshape between
// two encodings is not the Reshape that keeps one.
class Encodings {
 public:
  Result<std::string> number_of(const Graph& graph, const Node& node) {
    std::string values;
    for (size_t i = 1; i < std::min<size_t>(node.inputs.size(), 3); ++i) {
      const Tensor* constant = graph.constant(node.inputs[i]);
      if (constant == nullptr || constant->type().elements() != 1) continue;
      LAP_ASSIGN_OR_RETURN(const std::string text, constant_text(*constant, true));
      values += text + ";";
    }
    return fmt::format("e{}", numbers_.emplace(values, numbers_.size()).first->second);
  }

 private:
  std::map<std::string, size_t> numbers_;
};

template <typename T>
std::string list_text(const std::vector<T>& values) {
  std::string text = "[";
  for (const T& value : values) {
    if constexpr (std::is_floating_point_v<T>) {
      text += fmt::format("{:f},", value);
    } else {
      text += fmt::format("{},", value);
    }
  }
  return text + "]";
}

Result<std::string> attribute_text(const graph::Attribute& attribute) {
  return std::visit(
      [](const auto& value) -> Result<std::string> {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, Tensor>) {
          return constant_text(value, true);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return value;
        } else if constexpr (std::is_arithmetic_v<T>) {
          return list_text(std::vector<T>{value});
        } else {
          return list_text(value);
        }
      },
      attribute);
}

}  // namespace

std::vector<NodeUnit> node_units(const Graph& graph) { return Cutter(graph).units(); }

Graph cut(const Graph& graph, const NodeUnit& unit, const ValueTypes& types) {
  Graph out;
  out.name = graph.nodes[unit.node].name;
  out.opsets = graph.opsets;
  for (const std::string& input : unit.inputs) out.inputs.push_back(info(input, types));
  for (const std::string& output : unit.outputs) out.outputs.push_back(info(output, types));
  for (const size_t member : unit.members) {
    const Node& node = graph.nodes[member];
    out.nodes.push_back(node);
    for (const std::string& input : node.inputs) {
      if (const Tensor* constant = graph.constant(input)) out.initializers[input] = *constant;
    }
  }
  return out;
}

// Zero points by value would make nearly every node of a calibrated decoder distinct. Nothing is
// known to be lost by their classes: an offset that is none of the special ones enters the same
// arithmetic whatever its value, and scales, which move results far more, are not in the key
// either: only whether some are negative, which the HTP computes wrong but in blocks.
Result<std::string> unit_key(const Graph& graph, const NodeUnit& unit, const ValueTypes& types) {
  std::string key;
  Encodings encodings;
  std::map<std::string, std::string> made;  // by members, in the order they are met
  for (const size_t member : unit.members) {
    const Node& node = graph.nodes[member];
    const bool converts = quantizes(node) || dequantizes(node);
    key += node.qualified_op() + "(";
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const std::string& input = node.inputs[i];
      if (const Tensor* constant = graph.constant(input)) {
        const bool zero_point = converts && i == 2;
        LAP_ASSIGN_OR_RETURN(const std::string text,
                             zero_point ? zero_point_text(*constant)
                                        : constant_text(*constant, !(converts && i == 1)));
        key += text;
        if (converts && i == 1 && constant->type().shape.size() <= 1 &&
            is_float(constant->dtype())) {
          LAP_ASSIGN_OR_RETURN(const std::vector<float> scales, constant->to_floats());
          const bool negative =
              std::any_of(scales.begin(), scales.end(), [](float scale) { return scale < 0; });
          if (negative) key += ",negative";
        }
      } else if (made.contains(input)) {
        key += made[input];
      } else if (types.contains(input)) {
        key += type_text(types.at(input));
      }
      key += ";";
    }
    key += ")";
    if (converts) {
      LAP_ASSIGN_OR_RETURN(const std::string number, encodings.number_of(graph, node));
      key += number;
    }
    for (const auto& [name, attribute] : node.attributes) {
      LAP_ASSIGN_OR_RETURN(const std::string text, attribute_text(attribute));
      key += fmt::format("{}={};", name, text);
    }
    for (const std::string& output : node.outputs) {
      made[output] = fmt::format("%{}", made.size());
    }
  }
  return key;
}

}  // namespace lapidary::probe
