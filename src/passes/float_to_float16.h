// OnnxFloatToFloat16: float32 weights and arithmetic to float16.
//
//   before  y = MatMul(x, w)             x, w, y: float32
//   after   y = MatMul(x, w)             x, w, y: float16, with Cast at the graph's edges
//                                        (keep_io_types) and around the nodes that stay in float32
//
// Ensures that no selected node computes in float32. Nodes that take no float16 in the graph's
// opset stay in float32 (graph/float16_support.h), and so do those with bodies, those of operators
// that are not known, and what depends on values whose dtype is not. Key/value caches are inputs
// and outputs like others; with keep_io_types GroupQueryAttention stays in float32 along with them.
// Quantized nodes stay in float32, so quantize first.
#pragma once

#include <string>
#include <vector>

#include "passes/pass.h"

namespace lapidary::passes {

struct FloatToFloat16Options {
  double min_positive_val = 1e-7;            // smaller magnitudes (but 0) become this
  double max_finite_val = 1e4;               // larger magnitudes become this
  bool keep_io_types = false;                // graph inputs and outputs stay float32
  std::vector<std::string> op_block_list;    // op types left in float32
  std::vector<std::string> node_block_list;  // nodes left in float32; globs
};

Result<PassOutcome> float_to_float16(graph::Graph graph, const FloatToFloat16Options& options);

BoundPass bind_float_to_float16(JsonReader& reader);

}  // namespace lapidary::passes
