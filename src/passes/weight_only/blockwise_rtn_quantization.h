// OnnxBlockWiseRtnQuantization: MatMul and Gather weights to 4 or 8 bits by round-to-nearest.
//
//   before  y = MatMul(x, w)
//   after   y = com.microsoft::MatMulNBits(x, w_Q4, w_scales[, ...])
//
//   before  y = Gather(table, ids)
//   after   y = com.microsoft::GatherBlockQuantized(table_Q4, ids, table_scales[, ...])
//
// Requires nothing; ensures that every selected node with a constant matrix is quantized, the
// others declined with a reason. Numbers are Olive's (quant/rtn.h), but for weights
// that lie on a grid which the format holds: those keep the codes that they have
// (weights/kept_codes.h).
#pragma once

#include "passes/pass.h"
#include "passes/weight_only/weight_selection.h"

namespace lapidary::passes {

// Olive's defaults: 4 bits, blocks of 128, symmetric, accuracy level unset.
using BlockwiseRtnOptions = WeightSelection;

Result<PassOutcome> blockwise_rtn_quantization(graph::Graph graph,
                                               const BlockwiseRtnOptions& options);

BoundPass bind_blockwise_rtn_quantization(JsonReader& reader);

}  // namespace lapidary::passes
