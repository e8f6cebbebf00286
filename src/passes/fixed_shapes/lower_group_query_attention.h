// GroupQueryAttention over caches of fixed length to matrix products.
//
//   before  y, pk', pv' = com.microsoft::GroupQueryAttention(q, k, v, pk, pv, last, total)
//             q: [1, s, h * d]    k, v: [1, s, n * d]    pk, pv: [1, n, p, d]
//   after   k' = Transpose(Reshape(k, [1, s, n, d]), [0, 2, 1, 3])       the new rows; v' alike
//           K  = Concat(pk, k')                         [1, n, p + s, d]; V alike
//           g  = Reshape(heads of q first, [1, n, h / n * s, d])
//           w  = Softmax(MatMul(g, Transpose(K)) as [1, h, s, p + s] + mask)
//           y  = MatMul(w as [1, n, h / n * s, p + s], V) as [1, s, h * d]
//
// or, as AttentionForm::kAttention, the last three lines by one operator of opset 23:
//           y  = Attention(heads of q first, K, V, mask)    as [1, s, h * d]
//
// The operator's own idea of which rows are real (`last`, `total`, local_window_size) becomes
// additive masks, inputs of the graph: 0 where a query sees a row, a large negative number
// elsewhere, [1, 1, s, p + s]:
//   attention_mask.sliding_attention   for the nodes with a local window
//   attention_mask.full_attention      for the others
// The outputs present.* become the new rows alone, [1, n, s, d]: whoever runs the graph appends
// them to its caches. A node without new keys (KV-shared layers) uses the concatenated keys and
// values of the node whose present caches it read. Caches of length 0 leave no Concat behind: the
// new rows are all rows.
//
// Leaving GroupQueryAttention in place is no form of its own: Qualcomm's HTP refuses its local
// window and its soft-cap, so that sliding layers would need one of the forms above anyway.
//
// Requires fixed shapes (graph/fixed_shapes.h), batch 1, and the forms of nn/attention.h. Ensures
// that no GroupQueryAttention is left. Declared shapes of outputs are left to the caller,
// StaticLLM.
#pragma once

#include "passes/pass.h"

namespace lapidary::passes {

enum class AttentionForm {
  kDecomposed,  // MatMul, Add, Softmax, MatMul
  kAttention,
};

// Errors: those of infer_shapes; kUnsupported, naming the node, for other forms of the operator
// (leaving one would leave a graph of two meanings, so nothing is declined).
Result<PassOutcome> lower_group_query_attention(graph::Graph graph,
                                                AttentionForm form = AttentionForm::kDecomposed);

}  // namespace lapidary::passes
