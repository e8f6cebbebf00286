// y = x W^T: PyTorch's nn.Linear without bias.
#pragma once

#include <string>

#include "graph/builder.h"

namespace lapidary::nn {

// x: [..., in], weight: [out, in] of any float dtype -> [..., out] float32.
// Emits MatMul(x, W^T) with the weight named "<name>.weight"; W^T is lazy, so that a pass that
// wants [out, in] finds the checkpoint's own layout under the transpose
// (tensor::transposed_operand).
graph::Ref linear(graph::Builder& b, const graph::Ref& x, const std::string& name,
                  const tensor::Tensor& weight);

}  // namespace lapidary::nn
