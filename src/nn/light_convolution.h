// A conformer's convolution module, causal: gated linear unit, depthwise convolution over time,
// norm, SiLU, linear, residual (Gulati et al. 2020, arXiv:2005.08100, section 2.2; gates: Dauphin
// et al. 2016, arXiv:1612.08083). Source: Gemma4AudioLightConv1d.
#pragma once

#include <string>

#include "graph/builder.h"
#include "nn/clipped_linear.h"

namespace lapidary::nn {

struct LightConvolutionWeights {
  tensor::Tensor pre_layer_norm, conv_norm;  // [hidden]
  ClippedLinearWeights linear_start;         // [2 * hidden, hidden]: values, then gates
  tensor::Tensor depthwise_conv1d;  // [hidden, 1, kernel]; its last tap is the frame itself
  ClippedLinearWeights linear_end;  // [hidden, hidden]
};

struct LightConvolutionOptions {
  double eps = 1e-6;
  float activation_limit;  // of what conv_norm reads; see activation_clamp
};

// x: [batch, time, hidden] -> the same shape; a frame sees itself and the kernel - 1 before it.
graph::Ref light_convolution(graph::Builder& b, const graph::Ref& x, const std::string& name,
                             const LightConvolutionWeights& weights,
                             const LightConvolutionOptions& options);

}  // namespace lapidary::nn
