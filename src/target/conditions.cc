#include "target/conditions.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "target/origin.h"

namespace lapidary::target {
namespace {

using graph::Node;

Truth truth(bool value) { return value ? Truth::kYes : Truth::kNo; }
Truth both(Truth a, Truth b) { return std::min(a, b); }

template <typename T>
bool allows(const std::vector<T>& list, T item) {
  return list.empty() || std::find(list.begin(), list.end(), item) != list.end();
}

std::string value_at(const Node& node, int operand) {
  const auto& names = operand == kOutput ? node.outputs : node.inputs;
  const size_t i = operand == kOutput ? 0 : static_cast<size_t>(operand);
  return i < names.size() ? names[i] : "";
}

// For kAnyInput: yes when it holds for one of them.
template <typename Check>
Truth for_operand(const Node& node, int operand, const Check& check) {
  if (operand != kAnyInput) return check(value_at(node, operand));
  Truth out = Truth::kNo;
  for (const std::string& input : node.inputs) {
    if (!input.empty()) out = std::max(out, check(input));
  }
  return out;
}

struct Evaluate {
  const Node& node;
  const GraphFacts& facts;

  Truth operator()(const OperandIs& want) const {
    return for_operand(node, want.operand, [&](const std::string& value) {
      const Operand& operand = facts.operand(value);
      const bool unknown = operand.storage == DType::kUndefined;
      if (unknown) return value.empty() ? Truth::kNo : Truth::kUnknown;
      Truth out = truth(allows(want.storage, operand.storage));
      out = both(out, truth(allows(want.schemes, operand.scheme)));
      if (want.constant) out = both(out, truth(*want.constant == operand.constant));
      if (want.block_size) {
        out = both(out, truth(want.block_size->holds(static_cast<double>(operand.block_size))));
      }
      if (want.zero_points) {
        out = both(out, !operand.zero_points ? Truth::kUnknown
                                             : truth(*operand.zero_points == *want.zero_points));
      }
      return out;
    });
  }

  Truth operator()(const RankIn& want) const {
    const auto dims = facts.dims(value_at(node, want.operand));
    if (!dims) return Truth::kUnknown;
    return truth(want.range.holds(static_cast<double>(dims->size())));
  }

  // No for an axis that the operand does not have.
  Truth for_dim(int operand, int axis, const std::function<bool(int64_t)>& check) const {
    const auto dims = facts.dims(value_at(node, operand));
    if (!dims) return Truth::kUnknown;
    const int rank = static_cast<int>(dims->size());
    const int at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank) return Truth::kNo;
    const int64_t dim = (*dims)[static_cast<size_t>(at)];
    return dim == kSymbolicDim ? Truth::kUnknown : truth(check(dim));
  }

  Truth operator()(const DimIn& want) const {
    return for_dim(want.operand, want.axis,
                   [&](int64_t dim) { return want.range.holds(static_cast<double>(dim)); });
  }

  Truth operator()(const NotMultipleOf& want) const {
    const auto check = [&](int64_t value) { return value % want.by != 0; };
    if (want.axis) return for_dim(want.operand, *want.axis, check);
    return truth(check(facts.operand(value_at(node, want.operand)).block_size));
  }

  Truth operator()(const ElementsIn& want) const {
    const auto dims = facts.dims(value_at(node, want.operand));
    if (!dims) return Truth::kUnknown;
    if (std::find(dims->begin(), dims->end(), kSymbolicDim) != dims->end()) return Truth::kUnknown;
    return truth(want.range.holds(static_cast<double>(tensor::element_count(*dims))));
  }

  Truth operator()(const AttributeIn& want) const {
    double value = want.fallback;
    const auto it = node.attributes.find(want.name);
    if (it != node.attributes.end()) {
      if (const auto* integer = std::get_if<int64_t>(&it->second)) {
        value = static_cast<double>(*integer);
      } else if (const auto* number = std::get_if<float>(&it->second)) {
        value = static_cast<double>(*number);
      } else {
        return Truth::kUnknown;
      }
    }
    return truth(want.range.holds(value));
  }

  Truth operator()(const InputGiven& want) const {
    return truth(want.given == !value_at(node, want.input).empty());
  }

  Truth operator()(const ValueIn& want) const {
    return for_operand(node, want.operand, [&](const std::string& value) {
      // Scales that a pass is to find are not: that would read every weight of the checkpoint.
      const auto least = facts.lower_bound(value);
      if (least && static_cast<double>(*least) > want.range.max) return Truth::kNo;
      const auto values = facts.values(value);
      if (!values) return Truth::kNo;  // not a constant: the rule is about those
      return truth(std::any_of(values->begin(), values->end(),
                               [&](float x) { return want.range.holds(static_cast<double>(x)); }));
    });
  }

  Truth operator()(const QuantizedPort& want) const {
    const graph::Graph& graph = facts.graph();
    const std::string value = value_at(node, want.operand);
    return truth(std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& other) {
      if (want.operand == kOutput) {
        return other.op_type == "QuantizeLinear" && other.inputs[0] == value &&
               graph.is_output(other.outputs[0]);
      }
      return other.op_type == "DequantizeLinear" && other.outputs[0] == value &&
             graph.is_input(other.inputs[0]) && graph.constant(other.inputs[0]) == nullptr;
    }));
  }

  Truth operator()(const MadeBy& want) const { return is_made_by(want, node, facts); }

  Truth operator()(const BatchIn& want) const {
    auto dims = facts.dims(value_at(node, want.operand));
    if (!dims) return Truth::kUnknown;
    dims->resize(std::max<size_t>(dims->size(), 2) - 2);
    if (std::find(dims->begin(), dims->end(), kSymbolicDim) != dims->end()) return Truth::kUnknown;
    return truth(want.range.holds(static_cast<double>(tensor::element_count(*dims))));
  }

  static bool reaches_past(const Range& told, const Range& limits, double by) {
    const double slack = by * (told.max - told.min);
    return told.min < limits.min - slack || told.max > limits.max + slack;
  }

  Truth operator()(const CodesPastLimits& want) const {
    constexpr double kInfinite = std::numeric_limits<double>::infinity();
    Range limits{-kInfinite, kInfinite};
    for (const auto& [input, limit] : {std::pair(1, &limits.min), std::pair(2, &limits.max)}) {
      if (value_at(node, input).empty()) continue;
      const auto values = facts.values(value_at(node, input));
      if (!values || values->size() != 1) return Truth::kUnknown;
      *limit = static_cast<double>(values->front());
    }
    Truth out = Truth::kNo;
    for (const Node* reader : facts.readers(value_at(node, kOutput))) {
      if (reader->qualified_op() != "QuantizeLinear") continue;
      if (facts.operand(reader->outputs[0]).storage != want.code) continue;
      const auto told = facts.values_told(*reader);
      out = std::max(out, told ? truth(reaches_past(*told, limits, want.by)) : Truth::kUnknown);
    }
    return out;
  }

  Truth operator()(const CodesPastInput& want) const {
    const Node* before = facts.producer(value_at(node, 0));
    if (before == nullptr || before->qualified_op() != "DequantizeLinear") return Truth::kNo;
    const auto from = facts.values_told(*before);
    const auto to = facts.values_told(node);
    return from && to ? truth(reaches_past(*to, *from, want.by)) : Truth::kUnknown;
  }

  // What is declared counts here, whatever else is known of the shape: the stack reads that.
  Truth operator()(const HasSymbolicDim&) const {
    const graph::Graph& graph = facts.graph();
    for (const auto* ports : {&graph.inputs, &graph.outputs}) {
      for (const graph::ValueInfo& port : *ports) {
        if (port.name != value_at(node, 0)) continue;
        return truth(std::any_of(port.shape.begin(), port.shape.end(), [](const graph::Dim& dim) {
          return std::holds_alternative<std::string>(dim);
        }));
      }
    }
    return Truth::kNo;
  }
};

}  // namespace

Truth holds(const Condition& condition, const Node& node, const GraphFacts& facts) {
  return std::visit(Evaluate{node, facts}, condition);
}

Truth holds(const Rule& rule, const Node& node, const GraphFacts& facts) {
  Truth out = Truth::kYes;
  for (const Condition& condition : rule.when) {
    if (out == Truth::kNo) break;  // the others may have to read constants
    out = both(out, holds(condition, node, facts));
  }
  return out;
}

}  // namespace lapidary::target
