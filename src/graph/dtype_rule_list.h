// The dtype rules that rows of operators.cc name.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace lapidary::graph::dtype_rules {

template <size_t kInput>
DType of_input(const Node& /*node*/, const std::vector<DType>& inputs, size_t /*output*/) {
  return kInput < inputs.size() ? inputs[kInput] : DType::kUndefined;
}

template <DType kDType>
DType always(const Node& /*node*/, const std::vector<DType>& /*inputs*/, size_t /*output*/) {
  return kDType;
}

// dtype_inference.cc
DType cast_target(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of ConstantOfShape: without the attribute `value` it fills with float32 zeros.
DType filled_value(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of Constant: one of the attributes value, value_float(s), value_int(s), value_string(s).
DType constant_value(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of TopK.
DType values_then_indices(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of QuantizeLinear: the zero point's dtype; without one the attribute's, by default uint8.
DType quantized(const Node& node, const std::vector<DType>& inputs, size_t output);

}  // namespace lapidary::graph::dtype_rules
