// Weights as float16 with Olive's clamping of what float16 cannot hold.
#pragma once

#include "tensor/tensor.h"

namespace lapidary::weights {

// `x` (float32) as float16, rounded to nearest even. Before that, magnitudes in (0, min_positive)
// become min_positive and finite ones above max_finite become max_finite; signs stay. Lazy.
tensor::Tensor half_weight(const tensor::Tensor& x, double min_positive, double max_finite);

}  // namespace lapidary::weights
