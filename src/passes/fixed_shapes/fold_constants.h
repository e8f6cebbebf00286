// Replaces what is constant once shapes are fixed by initializers.
//
//   before  r = Range(0, Squeeze(Shape(x)), 1)       x: [4, 8]        after  r: initializer {0, 1,
//   2, 3} before  p = Cast(r) {to: float32}                                 after  p: initializer
//   before  z = ConstantOfShape({1, 0, 64})                           after  z: initializer
//
// Followed are integers that shapes are computed with (graph/fixed_shapes.h), their casts to
// float32, and ConstantOfShape, all up to kMostIntegers elements: weights are never read. Requires
// fixed shapes. Ensures that no node is left whose result is such a constant, but for outputs of
// the graph, which are declined.
#pragma once

#include "passes/pass.h"

namespace lapidary::passes {

// Errors: those of infer_shapes.
Result<PassOutcome> fold_constants(graph::Graph graph);

}  // namespace lapidary::passes
