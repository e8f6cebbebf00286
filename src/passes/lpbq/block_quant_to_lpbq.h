// BlockQuantToLpbq: weights in blocks of int4 to low-power block quantization (quant/lpbq.h), whose
// products Qualcomm's HTP computes with integers alone.
//
//   before  w = DequantizeLinear(int4 [K, N], float [K / 32, N], zeros) {axis 0, block_size 32}
//           y = MatMul(x, w)                   x from a DequantizeLinear, y to a QuantizeLinear
//   after   s = DequantizeLinear(uint8 1..16 [K / 32, N], float [N], zeros) {axis 1}
//           w = DequantizeLinear(int4 [K, N], s, zeros) {axis 0, block_size 32}
//           y = MatMul(x, w)
//
// The compiler takes that form for LPBQ (encoding BLOCKWISE_EXPANSION) without any option. Weights
// are rounded anew on the grid of the new scales: from the float weights where the graph still has
// them as an expression, else from what the old codes stand for.
//
// Gemm becomes MatMul and, with a bias, Add (LPBQ in a Gemm loses the bias on the HTP, without a
// word); alpha goes into the channel scales, beta into the bias. Conv, which the HTP does not take
// with LPBQ, becomes a product of channels-last values: 1x1 by Transpose, larger kernels by a Slice
// for each of at most 25 positions (fixed shapes). What is moved is quantized by the encodings that
// are there; a product before its bias by the range that the result's encoding and the bias imply.
//
// Weights: int4 without zero points (or uint4 around 8), axis 0 or 1, MatMul also with [N, K] and a
// Transpose. Requires opset 21 (blocks do). Options: nodes_to_exclude (globs) and on_unsupported,
// what to do with blocks that LPBQ cannot express, of 8 bits or asymmetric: "refuse", an error that
// names the node (default), or "leave", listed as refused; so is every product where the target
// takes no LPBQ. Left, with the reason: float activations, weights that are no constants or LPBQ
// already, blocks that are short or not of a size that the target takes
// (QuantizationTraits::lpbq: 16 or a multiple of 32, up to 256, on the HTP), shapes without a
// lowering.
#pragma once

#include <string>
#include <vector>

#include "passes/pass.h"

namespace lapidary::passes {

struct BlockQuantToLpbqOptions {
  bool leave_unsupported = false;
  std::vector<std::string> nodes_to_exclude = {};
};

Result<PassOutcome> block_quant_to_lpbq(graph::Graph graph, const BlockQuantToLpbqOptions& options,
                                        const target::QuantizationTraits& traits);

BoundPass bind_block_quant_to_lpbq(JsonReader& reader);

}  // namespace lapidary::passes
