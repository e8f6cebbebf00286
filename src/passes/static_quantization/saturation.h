// Inside OnnxStaticQuantization: Clip and Relu whose work is done by the encoding of their result,
// on targets that leave a Clip out (QuantizationTraits::clips_by_encoding; docs/htp.md has
// figures).
//
//   before  x = MatMul(...)    y = Clip(x, -2, 3)    z = Tanh(y)
//   after   x_quantized = QuantizeLinear(x) with y's encoding, that ends at -2 and 3 at the latest
//           z = Tanh(x_dequantized)
//
// Integers saturate at the ends of their range. What lies beyond y's range is cut off either way,
// and no code is spent on values of x that nobody reads.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "graph/graph.h"
#include "quant/affine.h"

namespace lapidary::passes {

// The limits of a Clip or Relu: constants with zero between them, or infinite. None: another node,
// or other limits.
std::optional<quant::Range> limits_of(const graph::Graph& graph, const graph::Node& node);

// Of the nodes in `selected`, those whose input nobody else reads, which another selected node
// computes; with their limits. Neither input nor output is an output of the graph.
std::map<std::string, quant::Range> saturations(const graph::Graph& graph,
                                                const std::set<std::string>& selected);

// Whether no code of the encoding stands for a value beyond the limits, to within a step.
bool ends_within(const quant::Affine& affine, DType type, const quant::Range& limits);

}  // namespace lapidary::passes
