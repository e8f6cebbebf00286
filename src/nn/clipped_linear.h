// nn.Linear between two clamps whose bounds are part of the model (Gemma4ClippableLinear): the
// towers were trained with them and they do bite.
#pragma once

#include <optional>
#include <string>

#include "graph/builder.h"

namespace lapidary::nn {

// Scalars of any float dtype. Infinite bounds are legal.
struct ClipBounds {
  tensor::Tensor input_min, input_max;
  tensor::Tensor output_min, output_max;
};

struct ClippedLinearWeights {
  tensor::Tensor weight;             // [out, in]
  std::optional<ClipBounds> bounds;  // absent: a plain linear
};

// x: [..., in] -> [..., out] float32: Clip, MatMul, Clip. Names: <name>.linear.weight,
// <name>.input_min and so on, as in the checkpoint.
graph::Ref clipped_linear(graph::Builder& b, const graph::Ref& x, const std::string& name,
                          const ClippedLinearWeights& weights);

}  // namespace lapidary::nn
