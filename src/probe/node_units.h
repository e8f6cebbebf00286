// A static graph cut into pieces that an accelerator can be asked about one by one: a node with the
// DequantizeLinear nodes that feed it and the QuantizeLinear that takes its result, for that is how
// the QNN provider reads a quantized graph.
//
//   for (const probe::NodeUnit& unit : probe::node_units(graph)) {
//     graph::Graph alone = probe::cut(graph, unit, types);
//   }
//
//   before  ... -> DequantizeLinear -> MatMul(weight: DequantizeLinear) -> QuantizeLinear -> ...
//   after   x_q -> DequantizeLinear -> MatMul(weight: DequantizeLinear) -> QuantizeLinear -> y_q
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace lapidary::probe {

struct NodeUnit {
  size_t node = 0;                   // whom the unit is about: an index into graph.nodes
  std::vector<size_t> members;       // with it, ascending
  std::vector<std::string> inputs;   // values that are fed, in order of use
  std::vector<std::string> outputs;  // values that are compared
};

// In the graph's order. Every node is in a unit, but those that only constants reach, those whose
// results nobody wants, and a QuantizeLinear or DequantizeLinear at the graph's border: the QNN
// provider takes no graph of one of them alone.
std::vector<NodeUnit> node_units(const graph::Graph& graph);

using ValueTypes = std::map<std::string, tensor::TensorType>;  // by value name

// The unit as a model of its own. `types` knows its inputs and outputs.
graph::Graph cut(const graph::Graph& graph, const NodeUnit& unit, const ValueTypes& types);

// Equal for units that differ in names, weights and ranges only. In it are ops, attributes, dtypes,
// shapes, the values of small constants (axes, shapes), of zero points whether they are the lowest
// code (0 of uint16), the middle one (0 of int16), the highest or another, and which of the unit's
// encodings are the same; scales and constants of more than 64 elements count by dtype and shape
// alone, scales but of blocks by whether some are negative as well.
// Errors: a constant that cannot be read.
Result<std::string> unit_key(const graph::Graph& graph, const NodeUnit& unit,
                             const ValueTypes& types);

}  // namespace lapidary::probe
