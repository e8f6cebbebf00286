// Root mean square normalization over the last dim: x / sqrt(mean(x^2) + eps) * w
// (Zhang and Sennrich 2019, arXiv:1910.07467). Gemma 4 multiplies by w, not by 1 + w
// as Gemma 3.
#pragma once

#include <string>

#include "graph/builder.h"

namespace lapidary::nn {

// x: [..., dim], weight: [dim] -> [..., dim]. Emits ONNX RMSNormalization.
graph::Ref rms_norm(graph::Builder& b, const graph::Ref& x, const std::string& name,
                    const tensor::Tensor& weight, double eps);

// The same without a learned weight, as Gemma 4's v_norm.
graph::Ref rms_norm_unscaled(graph::Builder& b, const graph::Ref& x, const std::string& name,
                             int64_t dim, double eps);

}  // namespace lapidary::nn
