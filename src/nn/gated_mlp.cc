#include "nn/gated_mlp.h"

#include "nn/linear.h"

namespace lapidary::nn {
namespace {

// `project` is linear or clipped_linear, `Weights` has fields of what it takes.
template <typename Project, typename Weights>
graph::Ref gated(graph::Builder& b, const graph::Ref& x, const std::string& name, Project project,
                 const Weights& weights) {
  const auto scope = b.enter(name);
  const graph::Ref gate = gelu_tanh(b, project(b, x, "gate_proj", weights.gate_proj), "act_fn");
  const graph::Ref up = project(b, x, "up_proj", weights.up_proj);
  return project(b, b.op("Mul", {gate, up}), "down_proj", weights.down_proj);
}

}  // namespace

graph::Ref gelu_tanh(graph::Builder& b, const graph::Ref& x, const std::string& name) {
  return b.op("Gelu", {x}, name, {{"approximate", std::string("tanh")}});
}

graph::Ref gated_mlp(graph::Builder& b, const graph::Ref& x, const std::string& name,
                     const GatedMlpWeights& weights) {
  return gated(b, x, name, linear, weights);
}

graph::Ref clipped_gated_mlp(graph::Builder& b, const graph::Ref& x, const std::string& name,
                             const ClippedGatedMlpWeights& weights) {
  return gated(b, x, name, clipped_linear, weights);
}

}  // namespace lapidary::nn
