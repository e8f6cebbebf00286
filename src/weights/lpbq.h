// The weight of a product in low-power block quantization (quant/lpbq.h) as lazy tensors: made when
// the graph is saved, one weight in memory at a time and thread.
//
//   BlockSource s{
//       .codes = w, .scales = scales, .layout = {.n = 1536, .channels = 2048}, .block_size = 32};
//   LpbqWeight out = lpbq_weight(s);  // out.codes int4 [2048, 1536], ...
#pragma once

#include "tensor/tensor.h"

namespace lapidary::weights {

// How a weight [N, ..inputs..] or [inputs, N] lies in its tensor. Input (p, c) of the product,
// channel c at position p of a kernel, is row p * channels + c of the result.
struct WeightLayout {
  int64_t n = 0;           // outputs
  int64_t channels = 0;    // of the input; blocks are runs of them
  int64_t positions = 1;   // of a convolution's kernel
  bool by_output = false;  // [N, channels, positions]; else [channels, N]

  int64_t inputs() const { return channels * positions; }
};

// A weight in plain block quantization: (code - middle) * scale * factor.
struct BlockSource {
  tensor::Tensor codes;   // int4, or uint4 around 8
  tensor::Tensor scales;  // float32; as codes, with channels / block_size in place of channels
  WeightLayout layout;
  int64_t block_size = 0;  // divides layout.channels
  float factor = 1;
};

struct LpbqWeight {
  tensor::Tensor codes;           // int4 [inputs, N]
  tensor::Tensor block_scales;    // uint8 1 .. 16 [inputs / block_size, N]
  tensor::Tensor channel_scales;  // float32 [N]
};

// Rounds the float weights anew that the codes come from, where those are known (original_rows in
// nbits.h), else what the codes stand for.
LpbqWeight lpbq_weight(const BlockSource& source);

}  // namespace lapidary::weights
