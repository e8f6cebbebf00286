// Block-quantized weights as lazy tensors: the link between quant/ (arithmetic on spans) and
// tensors.
#pragma once

#include <string>

#include "base/result.h"
#include "graph/fresh_names.h"
#include "graph/graph.h"
#include "quant/format.h"

namespace lapidary::weights {

// kKept: the codes are the checkpoint's own (weights/kept_codes.h).
enum class QuantMethod { kKQuant, kRtn, kKept };

// How one weight is quantized.
struct WeightFormat {
  QuantMethod method = QuantMethod::kKQuant;
  quant::BlockFormat block;

  // "k-quant int4, block 32, asymmetric": what a manifest says of the tensor.
  std::string describe() const;
};

// Names of the three initializers that replace one called `weight`, and of their metadata, where
// the graph has nothing else of that name.
inline std::string codes_name(const std::string& weight, int bits) {
  return weight + "_Q" + std::to_string(bits);
}
inline std::string scales_name(const std::string& weight) { return weight + "_scales"; }
inline std::string zero_point_name(const std::string& weight) { return weight + "_zero_point"; }

struct BlockwiseWeight {
  tensor::Tensor
      codes;  // uint8; MatMulNBits: [N, k_blocks, blob], GatherBlockQuantized: [N, K*bits/8]
  tensor::Tensor scales;       // float32 [N, k_blocks]
  tensor::Tensor zero_points;  // uint8 [N, ceil(k_blocks*bits/8)]; invalid when symmetric
};

// `rows` is a float tensor [N, K] in checkpoint orientation. Quantized when the package is saved.
BlockwiseWeight quantize_blockwise(const tensor::Tensor& rows, const WeightFormat& format);

// The float weights [N, K] that codes of quantize_blockwise or keep_codes are made from; an invalid
// tensor for any other codes.
tensor::Tensor quantized_operand(const tensor::Tensor& codes);

// Adds the three initializers of `weight` to the graph, `names` being the graph's, and notes the
// format in the graph's metadata under "quantization:<name>" for each, which package/ moves into
// the manifest. Returns the inputs (codes, scales[, zero points]) by name.
std::vector<std::string> add_blockwise(graph::Graph& graph, graph::FreshNames& names,
                                       const std::string& weight, const BlockwiseWeight& quantized,
                                       const WeightFormat& format);

// Why a weight cannot have this format; empty when it can.
std::string reason_against(const tensor::Tensor& rows, const WeightFormat& format);

}  // namespace lapidary::weights
