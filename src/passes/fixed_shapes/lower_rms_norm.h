// Norms over heads, at rank 4, to the largest rank at which the target computes them right: 3 on
// the HTP (QuantizationTraits::largest_norm_rank; without one, all norms stay).
//
//   before  y = RMSNormalization(x, w) {axis: -1}      x: [1, 32, 8, 256]
//   after   r = Reshape(x, [1, 256, 256])
//           n = RMSNormalization(r, w) {axis: -1}
//           y = Reshape(n, [1, 32, 8, 256])
//
// For compilers that compute RMSNormalization of some rank-4 shapes wrong. Requires fixed shapes
// (graph/fixed_shapes.h). Ensures that no other RMSNormalization has a rank above that.
// Declines norms over several axes and norms that yield an output of the graph.
#pragma once

#include "passes/pass.h"

namespace lapidary::passes {

// Errors: those of infer_shapes; kBadInput for a largest rank below 2.
Result<PassOutcome> lower_rms_norm(graph::Graph graph, const target::QuantizationTraits& traits);

BoundPass bind_lower_rms_norm(JsonReader& reader);

}  // namespace lapidary::passes
