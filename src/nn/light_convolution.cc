#include "nn/light_convolution.h"

#include <vector>

#include "nn/activation_clamp.h"
#include "nn/rms_norm.h"
#include "nn/silu.h"
#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

using graph::Builder;
using graph::Ref;

// a * sigmoid(b) of the halves of the last dim.
Ref gated_linear_unit(Builder& b, const Ref& x) {
  const std::vector<Ref> halves =
      b.multi_op("", "Split", {x}, 2, "glu", {{"axis", int64_t{-1}}, {"num_outputs", int64_t{2}}});
  return b.op("Mul", {halves[0], b.op("Sigmoid", {halves[1]}, "glu")}, "glu");
}

Ref causal_depthwise_convolution(Builder& b, const Ref& x, const std::string& name,
                                 const tensor::Tensor& weight) {
  const auto scope = b.enter(name);
  const int64_t channels = weight.shape()[0];
  const int64_t kernel = weight.shape()[2];
  const graph::Attributes swap = {{"perm", std::vector<int64_t>{0, 2, 1}}};
  const Ref w = b.weight("weight", tensor::cast(weight, DType::kFloat));
  const Ref y = b.op("Conv", {b.op("Transpose", {x}, "", swap), w}, "",
                     {{"group", channels},
                      {"kernel_shape", std::vector<int64_t>{kernel}},
                      {"pads", std::vector<int64_t>{kernel - 1, 0}}});
  return b.op("Transpose", {y}, "", swap);
}

}  // namespace

Ref light_convolution(Builder& b, const Ref& x, const std::string& name,
                      const LightConvolutionWeights& weights,
                      const LightConvolutionOptions& options) {
  const auto scope = b.enter(name);
  Ref y = rms_norm(b, x, "pre_layer_norm", weights.pre_layer_norm, options.eps);
  y = gated_linear_unit(b, clipped_linear(b, y, "linear_start", weights.linear_start));
  y = causal_depthwise_convolution(b, y, "depthwise_conv1d", weights.depthwise_conv1d);
  y = activation_clamp(b, y, "conv_norm", options.activation_limit);
  y = rms_norm(b, y, "conv_norm", weights.conv_norm, options.eps);
  y = clipped_linear(b, silu(b, y, "act_fn"), "linear_end", weights.linear_end);
  return b.op("Add", {y, x}, "residual");
}

}  // namespace lapidary::nn
