// The weight of a com.microsoft::MatMulNBits node as the inputs of a DequantizeLinear: lazy, made
// when the graph is saved, one weight in memory at a time and thread.
//
//   NBitsWeight w{codes, scales, zero_points, n, k, 32, 4};
//   DequantizableWeight out = dequantizable(w, {.is_signed = true});
//   // out.codes int4 [K, N], out.scales float [K / 32, N], out.zero_points int4 [K / 32, N]
#pragma once

#include "base/result.h"
#include "graph/graph.h"
#include "tensor/tensor.h"

namespace lapidary::weights {

// As MatMulNBits takes it: w[n, k] = (code - zero point) * scale.
struct NBitsWeight {
  tensor::Tensor codes;        // uint8 [N, k_blocks, block_size * bits / 8]
  tensor::Tensor scales;       // float32, float16 or bfloat16, N * k_blocks
  tensor::Tensor zero_points;  // uint8, N * ceil(k_blocks * bits / 8); invalid: 2^(bits-1) all over
  int64_t n = 0, k = 0, block_size = 0;
  int bits = 4;

  int64_t blocks() const { return (k + block_size - 1) / block_size; }
  bool per_channel() const { return blocks() == 1; }
};

// Why MatMulNBits itself could not have these tensors; empty when it can.
std::string reason_against(const NBitsWeight& weight);
// All zero points are the middle code. Reads them, unless they are an expression that quantizes,
// which is asymmetric as soon as it has any.
Result<bool> is_symmetric(const NBitsWeight& weight);

struct DequantizableForm {
  bool is_signed = false;  // int4 and int8, codes and zero points less by 2^(bits-1); else unsigned
  bool by_output = false;  // [N, K], blocks along axis 1; else [K, N], blocks along axis 0
  // Symmetric blocks of the weights' values instead of the codes that are there: of the float
  // weights where the codes are an expression over them, else of what the codes stand for. Signed.
  bool recode = false;
};

struct DequantizableWeight {
  tensor::Tensor codes;
  // [k_blocks, N], or [N, k_blocks] by output, or [N] per channel.
  tensor::Tensor scales;       // dtype as it was
  tensor::Tensor zero_points;  // of the codes' dtype
};

// reason_against(weight) must be empty.
DequantizableWeight dequantizable(const NBitsWeight& weight, const DequantizableForm& form);

// The float weights [N, K] that the codes of a DequantizableWeight come from in the end; an invalid
// tensor when they are not known.
tensor::Tensor original_rows(const tensor::Tensor& codes);

// The zero points are all 0, or 8 for uint4 codes: known without work for codes of dequantizable(),
// read otherwise.
Result<bool> are_centered(const tensor::Tensor& codes, const tensor::Tensor& zero_points);

}  // namespace lapidary::weights
