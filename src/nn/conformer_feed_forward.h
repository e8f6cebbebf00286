// A conformer's feed-forward module with its scaled residual, the "half step" when the scale is 1/2
// (Gulati et al. 2020, arXiv:2005.08100, section 2.3). Source: Gemma4AudioFeedForward.
#pragma once

#include <string>

#include "graph/builder.h"
#include "nn/clipped_linear.h"

namespace lapidary::nn {

struct ConformerFeedForwardWeights {
  tensor::Tensor pre_layer_norm, post_layer_norm;  // [hidden]
  ClippedLinearWeights ffw_layer_1;                // [4 * hidden, hidden]
  ClippedLinearWeights ffw_layer_2;                // [hidden, 4 * hidden]
};

struct ConformerFeedForwardOptions {
  double eps = 1e-6;
  float residual_weight = 0.5F;
  float activation_limit;  // of what the two norms read; see activation_clamp
};

// x: [..., hidden] -> x + residual_weight * norm(linear(silu(linear(norm(x))))), the same shape.
graph::Ref conformer_feed_forward(graph::Builder& b, const graph::Ref& x, const std::string& name,
                                  const ConformerFeedForwardWeights& weights,
                                  const ConformerFeedForwardOptions& options);

}  // namespace lapidary::nn
