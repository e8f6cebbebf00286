// The tables of the stack that was measured. To add a rule, add a row; to add an arch, see
// docs/targets.md. Read them through record_of.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "target/record.h"

namespace lapidary::target {

const Stack& measured_stack();
std::span<const Rule> weight_rules();    // DequantizeLinear and QuantizeLinear
std::span<const Rule> product_rules();   // MatMul, Gemm, Conv, MatMulNBits
std::span<const Rule> folding_rules();   // nodes that end up inside the one before them
std::span<const Rule> operator_rules();  // everything else
const Limits& limits();
std::optional<QuantizationTraits> quantization_traits(Arch arch);  // nothing: no such record
// The same as a person reads them.
std::vector<Preference> preferences(const QuantizationTraits& traits, const Limits& limits);

}  // namespace lapidary::target
