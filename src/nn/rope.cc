#include "nn/rope.h"

#include <cmath>

#include "tensor/expressions.h"

namespace lapidary::nn {

std::vector<float> rope_frequencies(int64_t head_dim, double theta, int64_t rotated_pairs,
                                    double factor) {
  std::vector<float> frequencies(static_cast<size_t>(head_dim / 2), 0.0f);
  for (int64_t i = 0; i < rotated_pairs; ++i) {
    const double exponent = static_cast<double>(2 * i) / static_cast<double>(head_dim);
    frequencies[static_cast<size_t>(i)] =
        static_cast<float>(1.0 / std::pow(theta, exponent) / factor);
  }
  return frequencies;
}

RopeTable rope_table(graph::Builder& b, const graph::Ref& positions, const std::string& name,
                     const std::vector<float>& frequencies) {
  const auto scope = b.enter(name);
  const auto pairs = static_cast<int64_t>(frequencies.size());
  const graph::Ref inv_freq = b.weight("inv_freq", tensor::floats({1, 1, pairs}, frequencies));
  const graph::Ref column = b.op("Unsqueeze", {positions, b.constant({2})}, "positions");
  const graph::Ref as_float =
      b.op("Cast", {column}, "positions", {{"to", static_cast<int64_t>(DType::kFloat)}});
  const graph::Ref angles = b.op("Mul", {as_float, inv_freq}, "angles");
  return {b.op("Cos", {angles}), b.op("Sin", {angles})};
}

graph::Ref apply_rope(graph::Builder& b, const graph::Ref& x, const RopeTable& table, int64_t heads,
                      const std::string& name) {
  return b.op("RotaryEmbedding", {x, table.cos, table.sin}, name,
              {{"num_heads", heads}, {"interleaved", int64_t{0}}});
}

}  // namespace lapidary::nn
