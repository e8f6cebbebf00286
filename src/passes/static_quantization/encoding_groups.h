// Inside OnnxStaticQuantization: which nodes are quantized, and which values share an encoding.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "graph/dtype_inference.h"
#include "passes/static_quantization/static_quantization.h"

namespace lapidary::passes {

struct EncodingGroup {
  std::vector<std::string> values;      // activations, or one constant; the first names the group
  std::vector<std::string> constants;   // that a mover mixes with the values
  std::vector<std::string> producers;   // the nodes that make the values
  std::vector<std::string> calibrated;  // those of `values` that need a range
  std::map<std::string, quant::Range> limits;  // of values that a Clip or Relu makes
  bool holds_softmax = false;
  // Right of a product of two activations, or what else the target takes as signed operands: wants
  // zero point 0.
  bool right_side = false;
};

struct QuantizationPlan {
  graph::DTypes dtypes;
  std::set<std::string> selected;  // nodes
  std::vector<EncodingGroup> groups;
  std::map<std::string, size_t> group_of;      // value or lone constant -> index of its group
  std::map<std::string, size_t> channel_axis;  // node -> axis of its weight's output channels
  // Clip and Relu that share the encoding of their input, with their limits (saturation.h).
  std::map<std::string, quant::Range> saturations;
  std::vector<Declined> declined;
};

// The inputs of a quantized operator that carry data; empty for other operators.
std::vector<size_t> data_inputs(const graph::Node& node);
// Whether the operator's output holds nothing but values of its inputs.
bool moves_data(const graph::Node& node);

Result<QuantizationPlan> plan_quantization(const graph::Graph& graph,
                                           const StaticQuantizationOptions& options,
                                           const target::QuantizationTraits& traits);

bool matches_any(const std::vector<std::string>& patterns, const std::string& name);
// The weight that has a scale for each output channel: input 1 of MatMul, Gemm and Conv.
bool takes_channel_weight(const graph::Node& node);

}  // namespace lapidary::passes
