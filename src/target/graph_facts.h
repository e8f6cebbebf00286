// What rules ask of a graph: how operands are encoded, their dims, their constant values.
//
//   const GraphFacts facts(graph, shapes);
//   const Scheme scheme = facts.operand(node.inputs[1]).scheme;  // Scheme::kBlock
//   const auto dims = facts.dims(node.inputs[0]);                // {1, 216, 64}, or nullopt
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "graph/dtype_inference.h"
#include "graph/graph.h"
#include "target/operand.h"
#include "target/range.h"

namespace lapidary::target {

// Static shapes by value name; values that are not in it have no known shape.
using Shapes = std::map<std::string, std::vector<int64_t>>;

inline constexpr int64_t kSymbolicDim = -1;

// Looks into a graph that outlives it and does not change.
class GraphFacts {
 public:
  GraphFacts(const graph::Graph& graph, Shapes shapes);

  // A value that does not exist (an omitted input) is plain, of undefined dtype. Found when it is
  // first asked for, so not from several threads at once.
  const Operand& operand(const std::string& value) const;

  // From `shapes`, the declared shapes of inputs and outputs, and constants; a quantized value has
  // the dims of what was quantized. kSymbolicDim stands for a symbol. nullopt: not known.
  std::optional<std::vector<int64_t>> dims(const std::string& value) const;

  // A number that no value of a plain constant is below; nullopt: only its values tell.
  std::optional<float> lower_bound(const std::string& value) const;

  // The values of a plain constant of float32 or float16, when it has at most kMostValuesRead.
  std::optional<std::vector<float>> values(const std::string& value) const;

  // What the codes of a QuantizeLinear or DequantizeLinear stand for, lowest and highest. nullopt:
  // not one constant scale, or codes of another type than 8 or 16 bits.
  std::optional<Range> values_told(const graph::Node& conversion) const;

  // nullptr: a graph input, a constant, or nothing.
  const graph::Node* producer(const std::string& value) const;
  const std::vector<const graph::Node*>& readers(const std::string& value) const;

  const graph::Graph& graph() const { return graph_; }

 private:
  Operand find_operand(const std::string& value) const;
  const graph::Tensor* constant(const std::string& value) const;
  std::optional<bool> has_zero_points(const graph::Node& dequantize) const;

  const graph::Graph& graph_;
  const Shapes shapes_;
  std::map<std::string, const graph::Node*> producers_;
  std::map<std::string, std::vector<const graph::Node*>> readers_;
  graph::DTypes dtypes_;
  // Every rule about an operator asks for its operands, and zero points are read for the answer.
  mutable std::unordered_map<std::string, Operand> operands_;
};

// Longer constants are weights: reading them would read the checkpoint.
inline constexpr int64_t kMostValuesRead = int64_t{1} << 20;

}  // namespace lapidary::target
