#include "nn/conformer_feed_forward.h"

#include "nn/activation_clamp.h"
#include "nn/rms_norm.h"
#include "nn/silu.h"

namespace lapidary::nn {

graph::Ref conformer_feed_forward(graph::Builder& b, const graph::Ref& x, const std::string& name,
                                  const ConformerFeedForwardWeights& weights,
                                  const ConformerFeedForwardOptions& options) {
  const auto scope = b.enter(name);
  const float limit = options.activation_limit;
  graph::Ref y = activation_clamp(b, x, "pre_layer_norm", limit);
  y = rms_norm(b, y, "pre_layer_norm", weights.pre_layer_norm, options.eps);
  y = silu(b, clipped_linear(b, y, "ffw_layer_1", weights.ffw_layer_1), "act_fn");
  y = clipped_linear(b, y, "ffw_layer_2", weights.ffw_layer_2);
  y = activation_clamp(b, y, "post_layer_norm", limit);
  y = rms_norm(b, y, "post_layer_norm", weights.post_layer_norm, options.eps);
  y = b.op("Mul", {y, b.constant_scalar(options.residual_weight)}, "post_layer_scale");
  return b.op("Add", {y, x}, "residual");
}

}  // namespace lapidary::nn
