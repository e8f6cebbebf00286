#include "nn/gated_mlp.h"

#include "nn/linear.h"

namespace lapidary::nn {

graph::Ref gelu_tanh(graph::Builder& b, const graph::Ref& x, const std::string& name) {
  return b.op("Gelu", {x}, name, {{"approximate", std::string("tanh")}});
}

graph::Ref gated_mlp(graph::Builder& b, const graph::Ref& x, const std::string& name,
                     const GatedMlpWeights& weights) {
  const auto scope = b.enter(name);
  const graph::Ref gate = gelu_tanh(b, linear(b, x, "gate_proj", weights.gate_proj), "act_fn");
  const graph::Ref up = linear(b, x, "up_proj", weights.up_proj);
  return linear(b, b.op("Mul", {gate, up}), "down_proj", weights.down_proj);
}

}  // namespace lapidary::nn
