// Rewrites MatMul nodes with constant weights to com.microsoft::MatMulNBits.
#pragma once

#include "passes/pass.h"
#include "passes/weight_only/weight_selection.h"
#include "weights/blockwise.h"

namespace lapidary::passes {

//   before  y = MatMul(x, w)                                  w: float [K, N]
//   after   y = com.microsoft::MatMulNBits(x, w_Q4, w_scales[, w_zero_point])
//                                         {K, N, bits, block_size}
//
// The node keeps its name. Declines, with the reason, MatMuls whose weight is not a constant
// matrix.
void rewrite_matmuls(PassOutcome& outcome, const WeightSelection& selection,
                     weights::QuantMethod method);

// The same for Gather over a constant table, rows along the first dim.
//
//   before  y = Gather(table, ids) {axis 0}                   table: float [rows, width]
//   after   y = com.microsoft::GatherBlockQuantized(table_Q8, ids, table_scales[, ...])
void rewrite_gathers(PassOutcome& outcome, const WeightSelection& selection,
                     weights::QuantMethod method);

// Notes the patterns of the selection that matched nothing; drops weights nobody reads any more.
void finish_rewrite(PassOutcome& outcome, const WeightSelection& selection);

}  // namespace lapidary::passes
