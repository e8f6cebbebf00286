// A unit of a graph (node_units.h) as a model that runs alone on made-up inputs.
//
// A unit's quantized inputs and outputs become floats with their QuantizeLinear and
// DequantizeLinear, for inside a graph no unit has integer ports, and the HTP treats those
// differently: a Sigmoid with a uint16 port yields codes of another scale, a product of two integer
// ports is refused.
//
//   before  x_q -> DequantizeLinear -> MatMul(weight) -> QuantizeLinear -> y_q
//   after   x -> QuantizeLinear -> x_q -> ... -> y_q -> DequantizeLinear -> y
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "ort/session.h"
#include "probe/node_units.h"

namespace lapidary::probe {

struct UnitModel {
  graph::Graph graph;
  std::vector<ort::HostTensor> inputs;  // as the graph declares them
  bool has_8bit_activation = false;
  int64_t constant_bytes = 0;
};

// Floats are gaussian: of sigma 1, positive ones where the operator wants them (Log, Sqrt,
// divisors), or over the range that the input's encoding tells. Other inputs as in reference_run.h.
// Equal for equal seeds.
// Errors: those of seeded_inputs().
Result<UnitModel> unit_model(const graph::Graph& graph, const NodeUnit& unit,
                             const ValueTypes& types, uint32_t seed);

// All of them side by side in one model, of the first one's opsets: names begin with the unit's
// index, inputs and outputs stand in the units' order.
UnitModel joined(std::span<const UnitModel> units);

}  // namespace lapidary::probe
