// OnnxKQuantQuantization: MatMul weights to 4 or 8 bits by K-quant.
//
//   before  y = MatMul(x, w)
//   after   y = com.microsoft::MatMulNBits(x, w_Q4, w_scales, w_zero_point)
//                                         {K, N, bits, block_size}
//
// Requires nothing; ensures that every selected MatMul with a constant matrix is quantized, the
// others declined with a reason. Codes, scales and zero points are Olive's (quant/kquant.h says how
// exactly). Weights that lie on a grid which the format holds keep the codes that they have, and no
// zero points where the grid is symmetric (weights/kept_codes.h).
#pragma once

#include "passes/pass.h"
#include "passes/weight_only/weight_selection.h"

namespace lapidary::passes {

// Olive's defaults: 4 bits, blocks of 32, asymmetric, accuracy level unset.
using KQuantOptions = WeightSelection;

Result<PassOutcome> kquant_quantization(graph::Graph graph, const KQuantOptions& options);

BoundPass bind_kquant_quantization(JsonReader& reader);

}  // namespace lapidary::passes
