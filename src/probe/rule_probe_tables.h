// The probes by family, as rule_probes() puts them together.
#pragma once

#include <string>
#include <vector>

#include "probe/rule_probes.h"

namespace lapidary::probe {

std::vector<RuleProbe> weight_probes();
std::vector<RuleProbe> product_probes();
std::vector<RuleProbe> folding_probes();
std::vector<RuleProbe> operator_probes();  // with norm_probes()
std::vector<RuleProbe> norm_probes();
std::vector<RuleProbe> movement_probes();
std::vector<RuleProbe> attention_probes();
std::vector<RuleProbe> limit_probes();
std::vector<RuleProbe> preference_probes();

// y = x w of a uint16 x [1, 8, w.rows].
inline std::function<void(Form&)> a16_product(const ProbeWeight& w, bool gemm = false) {
  return [=](Form& f) {
    const Dims dims = gemm ? Dims{8, w.rows} : Dims{1, 8, w.rows};
    f.quantized_output(f.op(gemm ? "Gemm" : "MatMul", {f.a16(dims), f.weight(w)}), 8);
  };
}
// y = a b, both computed.
inline std::function<void(Form&)> dynamic_product(DType a, DType b, DType y = DType::kUint16) {
  return [=](Form& f) {
    const Ref left = f.quantized(a, {1, 4, 16, 64});
    // Not a second quantized port: see matmul.dynamic_uint16_int16_ports.
    const Ref right = f.requantized(f.floats({1, 4, 64, 24}), b, 4);
    f.quantized_output(f.op("MatMul", {left, right}), 32, y);
  };
}

}  // namespace lapidary::probe
