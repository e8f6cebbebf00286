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
// Of EyeLike, RandomNormalLike, ...: the attribute `dtype`, else input 0's.
DType dtype_or_first(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of RandomNormal and RandomUniform: the attribute `dtype`, float32 without it.
DType dtype_or_float(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of Multinomial: the attribute `dtype`, int32 without it.
DType dtype_or_int32(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of windows: the attribute `output_datatype`, float32 without it.
DType output_datatype(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of LayerNormalization: mean and deviation have the attribute's dtype, float32 without it.
DType normalized(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of Dropout.
DType values_then_mask(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of BatchNormalization: the running mean and variance are like those that went in.
DType values_then_statistics(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of DynamicQuantizeLinear: codes, their scale, their zero point.
DType codes_and_scale(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of StringSplit.
DType words_and_counts(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of TopK, MaxPool and Unique.
DType values_then_indices(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of DequantizeLinear: the scale's dtype, unless an attribute names another.
DType dequantized(const Node& node, const std::vector<DType>& inputs, size_t output);
// Of QuantizeLinear: the zero point's dtype; without one the attribute's, by default uint8.
DType quantized(const Node& node, const std::vector<DType>& inputs, size_t output);

}  // namespace lapidary::graph::dtype_rules
