// The tables of the stack that was measured. To add a rule, add a row; to add an arch, see
// docs/targets.md. Read them through record_of.
#pragma once

#include <span>

#include "target/record.h"

namespace lapidary::target {

const Stack& measured_stack();
std::span<const Rule> weight_rules();    // DequantizeLinear and QuantizeLinear
std::span<const Rule> product_rules();   // MatMul, Gemm, Conv, MatMulNBits
std::span<const Rule> operator_rules();  // everything else
const Limits& limits();
std::span<const Preference> preferences();

}  // namespace lapidary::target
