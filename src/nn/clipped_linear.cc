#include "nn/clipped_linear.h"

#include <fmt/core.h>

#include "nn/linear.h"
#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

graph::Ref clip(graph::Builder& b, const graph::Ref& x, const std::string& name,
                const std::string& side, const tensor::Tensor& min, const tensor::Tensor& max) {
  const auto bound = [&](const std::string& which, const tensor::Tensor& value) {
    return b.weight(fmt::format("{}.{}_{}", name, side, which), tensor::cast(value, DType::kFloat));
  };
  return b.op("Clip", {x, bound("min", min), bound("max", max)}, name);
}

}  // namespace

graph::Ref clipped_linear(graph::Builder& b, const graph::Ref& x, const std::string& name,
                          const ClippedLinearWeights& weights) {
  if (!weights.bounds) return linear(b, x, name + ".linear", weights.weight);
  const ClipBounds& bounds = *weights.bounds;
  const graph::Ref clipped = clip(b, x, name, "input", bounds.input_min, bounds.input_max);
  const graph::Ref y = linear(b, clipped, name + ".linear", weights.weight);
  return clip(b, y, name, "output", bounds.output_min, bounds.output_max);
}

}  // namespace lapidary::nn
