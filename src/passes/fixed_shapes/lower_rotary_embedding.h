// RotaryEmbedding to arithmetic.
//
//   before  y = RotaryEmbedding(x, cos, sin) {num_heads: h}    x: [1, s, h * d]
//                                                             cos, sin: [1, s, d / 2]
//   after   t = Transpose(Reshape(x, [1, s, h, d]), [0, 2, 1, 3])
//           c = Unsqueeze(Concat(cos, cos))                     [1, 1, s, d], once for each table
//           r = Concat(Neg(t[..., d/2:]), t[..., :d/2])
//           y = Reshape(Transpose(t * c + r * s), [1, s, h * d])
//
// Requires fixed shapes (graph/fixed_shapes.h). Ensures that no RotaryEmbedding is left but for
// those declined: interleaved pairs, rotation of a part of a head only, tables looked up by
// position ids, inputs of rank 4.
#pragma once

#include "passes/pass.h"

namespace lapidary::passes {

// Errors: those of infer_shapes.
Result<PassOutcome> lower_rotary_embedding(graph::Graph graph);

BoundPass bind_lower_rotary_embedding(JsonReader& reader);

}  // namespace lapidary::passes
