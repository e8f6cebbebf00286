// Weights [K, N] rounded with the second moments of their inputs in mind, as lazy tensors.
//
//   const auto factors = std::make_shared<quant::RoundingFactors>(moments);  // of x, in y = x W
//   const AffineWeight w = round_channels_error_aware(weight, DType::kInt4, factors);
//
// The arithmetic is that of quant/error_aware_rounding.h.
#pragma once

#include <memory>

#include "quant/error_aware_rounding.h"
#include "weights/affine.h"

namespace lapidary::weights {

// Symmetric, one scale for each column, found by search weighted by the moments; codes are found
// when they are read, a block of channels at a time. `weight` is a float matrix for which
// reason_against_channels(weight, 1, type) is empty, with as many rows as the moments have
// channels. Both dtypes and shapes are those of quantize_channels(weight, 1, ...).
AffineWeight round_channels_error_aware(const tensor::Tensor& weight, DType type,
                                        std::shared_ptr<const quant::RoundingFactors> factors);

}  // namespace lapidary::weights
