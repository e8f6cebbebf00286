// down(gelu_tanh(gate(x)) * up(x)): the GeGLU block (Shazeer 2020, arXiv:2002.05202) with the tanh
// approximation of Gelu.
#pragma once

#include <string>

#include "graph/builder.h"
#include "nn/clipped_linear.h"

namespace lapidary::nn {

struct GatedMlpWeights {
  tensor::Tensor gate_proj;  // [intermediate, hidden]
  tensor::Tensor up_proj;    // [intermediate, hidden]
  tensor::Tensor down_proj;  // [hidden, intermediate]
};

// The same dims.
struct ClippedGatedMlpWeights {
  ClippedLinearWeights gate_proj, up_proj, down_proj;
};

// x: [..., hidden] -> [..., hidden]. Names: <name>.gate_proj, <name>.up_proj, <name>.down_proj.
graph::Ref gated_mlp(graph::Builder& b, const graph::Ref& x, const std::string& name,
                     const GatedMlpWeights& weights);

// The same of clipped linears; their names are those of clipped_linear.
graph::Ref clipped_gated_mlp(graph::Builder& b, const graph::Ref& x, const std::string& name,
                             const ClippedGatedMlpWeights& weights);

// Gelu with the tanh approximation ("gelu_pytorch_tanh").
graph::Ref gelu_tanh(graph::Builder& b, const graph::Ref& x, const std::string& name);

}  // namespace lapidary::nn
