// For tests of quantization: the target, and a small attention block with everything that an
// encoder or decoder layer has.
#pragma once

#include <string>
#include <vector>

#include "graph/builder.h"
#include "target/record.h"
#include "tensor/expressions.h"

namespace lapidary::passes {

// What passes get where no chip is named.
inline const target::QuantizationTraits& htp() {
  static const target::QuantizationTraits traits = target::traits_of(std::nullopt).value();
  return traits;
}

inline std::vector<float> test_weights(int64_t n, uint32_t state) {
  std::vector<float> out(static_cast<size_t>(n));
  for (float& x : out) {
    state = state * 1664525U + 1013904223U;
    x = static_cast<float>(static_cast<int32_t>(state)) / 2147483648.0F;
  }
  return out;
}

constexpr int64_t kTestWidth = 16;
constexpr int64_t kTestRows = 6;
constexpr int64_t kTestPast = 4;

// The attention block.
//
//   x [6, 16], past [4, 16] -> y [6, 16], present [10, 16]
//
// norm -> q, k, v; present = past and k; softmax(q present^T) v'; o; residual; Tanh.
inline graph::Graph attention_graph() {
  using graph::Ref;
  graph::Builder b("attention");
  const auto linear = [&](const Ref& x, const std::string& name, uint32_t seed) {
    const auto rows =
        tensor::floats({kTestWidth, kTestWidth}, test_weights(kTestWidth * kTestWidth, seed));
    return b.op("MatMul", {x, b.weight(name + ".weight", tensor::transpose(rows))}, name);
  };
  const Ref x = b.input("x", DType::kFloat, {kTestRows, kTestWidth});
  const Ref past = b.input("past", DType::kFloat, {kTestPast, kTestWidth});
  const Ref gamma = b.weight("norm.weight", tensor::floats({kTestWidth}, test_weights(16, 77)));
  const Ref h = b.op("RMSNormalization", {x, gamma}, "norm", {{"epsilon", 1e-6F}});
  const Ref q = linear(h, "q", 1);
  const Ref k = linear(h, "k", 2);
  const Ref v = linear(h, "v", 3);
  const Ref keys = b.op("Concat", {past, k}, "keys", {{"axis", int64_t{0}}});
  const Ref keys_t = b.op("Transpose", {keys}, "keys_t", {{"perm", std::vector<int64_t>{1, 0}}});
  const Ref values = b.op("Concat", {past, v}, "values", {{"axis", int64_t{0}}});
  const Ref scores = b.op("MatMul", {q, keys_t}, "scores");
  const Ref scaled = b.op("Mul", {scores, b.constant_scalar(0.25F)}, "scaled");
  const Ref shares = b.op("Softmax", {scaled}, "shares");
  const Ref mixed = b.op("MatMul", {shares, values}, "mixed");
  const Ref o = linear(mixed, "o", 4);
  const Ref sum = b.op("Add", {x, o}, "sum");
  b.output("present", keys, DType::kFloat, {kTestPast + kTestRows, kTestWidth});
  b.output("y", b.op("Tanh", {sum}, "out"), DType::kFloat, {kTestRows, kTestWidth});
  return std::move(b).finish();
}

}  // namespace lapidary::passes
