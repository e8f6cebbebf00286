// Drops what only moves elements to where they were, in a graph of fixed shapes.
//
//   before  b = Reshape(Reshape(x, [1, 32, 64]), [1, 8, 256])    after  b = Reshape(x, [1, 8, 256])
//   before  b = Transpose(Transpose(x, [0, 2, 1]), [0, 2, 1])    after  x
//   before  b = Slice(x, 0, end)    of the whole x               after  x
//
// Requires that shapes can be inferred without bindings (graph/fixed_shapes.h). Ensures that no
// Reshape reads a Reshape, no Transpose a Transpose, and that no Reshape, Transpose, Slice, Expand,
// Concat or Identity yields its only operand, unless a graph's input is its output. Called at the
// end of passes that put such pairs next to each other.
#pragma once

#include "passes/pass.h"

namespace lapidary::passes {

// Counts the nodes dropped or joined. Errors: those of infer_shapes.
Result<PassOutcome> fold_layout(graph::Graph graph);

}  // namespace lapidary::passes
