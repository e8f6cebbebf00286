// Surgeons of GraphSurgeries that replace operators. Names and options are Olive's.
#pragma once

#include "passes/surgeries/graph_surgeries.h"

namespace lapidary::passes {

// Gemm(a, b, c) -> Add(MatMul(a, b), c): what block quantizers look for, and what the HTP computes
// right with blockwise weights. A constant b is turned, when transB wants it, while it is read;
// another one by a Transpose. Declined: alpha or beta other than 1, transA.
PassOutcome gemm_to_matmul_add(graph::Graph graph);

// Mul(Reciprocal(x), a) -> Div(a, x).
PassOutcome reciprocal_mul_to_div(graph::Graph graph);

// Erf(x) -> Tanh(x * 605 / 503), off by at most 0.02; for targets without Erf. Declined: another
// dtype than float32.
PassOutcome replace_erf_with_tanh(graph::Graph graph);

// Drops the input g_idx of MatMulNBits where it says what no g_idx says, row i in group
// i / block_size. Declined: another order, which Olive drops as well when it only ascends.
Result<PassOutcome> remove_gidx_from_matmul_nbits(graph::Graph graph);

// {"threshold": -3e30, "replacement": -1e4}: float32 constants that only Add, Mul, Expand, Where
// and Shape read, and fills of ConstantOfShape: values below the one become the other. Masks of
// -1e9 and less turn Softmax upside down on the HTP. Declined: a constant of more than 2^24 values.
Surgery bind_replace_attention_mask_value(JsonReader& options);

}  // namespace lapidary::passes
