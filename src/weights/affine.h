// Weights with affine encodings as lazy tensors: the link between quant/affine.h and tensors.
#pragma once

#include "graph/graph.h"
#include "quant/affine.h"

namespace lapidary::weights {

struct AffineWeight {
  tensor::Tensor codes;       // the weight's shape, packed
  tensor::Tensor scale;       // float32, [] or [channels]
  tensor::Tensor zero_point;  // the codes' dtype, [] or [channels]
};

// Symmetric, one scale for each index of `axis`, 0 or the last one. The scales are found when they
// or the codes are first read, by one pass over the weight in groups of channels; only they are
// kept. `weight` is float, of rank >= 1 and not empty, an even number of columns for int4; type is
// a signed one.
AffineWeight quantize_channels(const tensor::Tensor& weight, size_t axis, DType type,
                               quant::ScaleSearch search);

// One encoding for the whole tensor, known beforehand.
AffineWeight quantize_tensor(const tensor::Tensor& weight, const quant::Affine& affine, DType type);

// Zeros, [channels]: the zero points of a symmetric encoding.
tensor::Tensor zero_points(DType type, int64_t channels);

// The scalars of an encoding, as the inputs of QuantizeLinear want them.
tensor::Tensor scale_tensor(const quant::Affine& affine);
tensor::Tensor zero_point_tensor(const quant::Affine& affine, DType type);

// The smallest and the largest value, by reading the tensor once in pieces of bounded size.
// kBadInput: a value that is not finite.
Result<quant::Range> range_of(const tensor::Tensor& weight);

// Why a weight cannot be quantized per channel along `axis`; empty when it can.
std::string reason_against_channels(const tensor::Tensor& weight, size_t axis, DType type);

}  // namespace lapidary::weights
