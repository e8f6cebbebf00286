// MatMulNBitsToQDQ: products with weights in blocks, as standard operators.
//
//   before  y = com.microsoft::MatMulNBits(x, codes, scales[, zero_points])
//                                         {K, N, bits, block_size}
//   after   w = DequantizeLinear(int4 [K, N], scales [K / block, N], zero_points)
//                               {axis 0, block_size}
//           y = MatMul(x, w)               and Add, where there was a bias
//
// One block a column (block_size >= K) becomes a scale a channel: scales [N], {axis 1}. Codes are
// turned when the graph is saved. Requires constant weights; brings the graph to opset 21.
//
// Options, Olive's: use_int4 (4 bits as int4; else uint4), use_signed_int (8 bits as well),
// use_transpose_op (codes stay [N, K], and a Transpose follows), nodes_to_exclude (globs).
// add_zero_point is read and changes nothing: zero points are always written, because an omitted
// one makes the HTP compute wrong numbers (docs/int4.md).
//
// Option of ours, on_unsafe: what to do with forms that the target computes wrong or does not take
// (QuantizationTraits::weights). On the HTP these are zero points other than the middle, unsigned
// codes, transposed blocks, channels with negative scales. The CPU takes them all.
//   "refuse"  an error that names the node, the reason and the remedy (default)
//   "recode"  signed symmetric codes by input; of the float weights where codes are still an
//             expression over them, so that nothing is rounded twice, else of the codes' values;
//             codes whose zero points are in the middle only change their name
//   "keep"    as Olive does
//
// Declines, with the reason: bits other than 4 and 8, rows in another order (g_idx), zero points
// that are floats, weights that are no constants. Nodes in the bodies of If and Loop stay.
#pragma once

#include <string>
#include <vector>

#include "passes/pass.h"

namespace lapidary::passes {

enum class OnUnsafe { kRefuse, kRecode, kKeep };

struct MatMulNBitsToQdqOptions {
  bool use_int4 = false;
  bool use_signed_int = false;
  bool use_transpose_op = false;
  OnUnsafe on_unsafe = OnUnsafe::kRefuse;
  std::vector<std::string> nodes_to_exclude = {};
};

Result<PassOutcome> matmul_nbits_to_qdq(graph::Graph graph, const MatMulNBitsToQdqOptions& options,
                                        const target::QuantizationTraits& traits);

BoundPass bind_matmul_nbits_to_qdq(JsonReader& reader);

}  // namespace lapidary::passes
