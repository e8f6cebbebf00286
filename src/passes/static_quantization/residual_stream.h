// Inside OnnxStaticQuantization: the residual stream of a transformer with norms around its
// sublayers, in float16 under an exact common factor. Trained Gemmas have single channels of 1e5
// in it: more than float16 holds, and with so wide a range 16-bit integers round off the others.
//
//   before  h1 = Add(x, RMSNormalization(a, w1, eps))    n = RMSNormalization(h1, w2, eps)
//   after   c = Mul(x, 1/8)
//           h1 = Add(c, RMSNormalization(a, w1 / 8, eps))
//           n = RMSNormalization(h1, w2, eps / 64)       n as before
//
// The factor is a power of two, so that (but for subnormal numbers) no bit changes. The nodes named
// in `islands` stay float, which the HTP computes in float16; what they read of a product and what
// products read of them are integers as ever, of the same ranges.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "quant/ranges.h"

namespace lapidary::passes {

struct ResidualStream {
  std::set<std::string> values;           // the stream, but for what enters it
  std::set<std::string> entries;          // what enters it: a graph's input, as embeddings are
  std::map<std::string, size_t> addends;  // results of norms that are added -> node index
  std::set<std::string> islands;          // nodes that make it, norm it or norm what is added
  std::set<std::string> normed;           // what norms behind a sublayer read, float16 there
  std::vector<size_t> norms;              // nodes that norm the stream, by index
  std::vector<size_t> products;           // MatMuls that read it without a norm, as gates do

  // What becomes float16, in one order.
  std::vector<std::string> halves() const;
};

// Begins at each Add of a value and a norm's result that nobody else reads, and goes on through
// products with a constant number (Gemma 4's layer scalar), and Slice, Reshape and others that take
// a part of it. Empty when there is no such Add.
// kUnsupported, by name: a node that reads the stream in another way.
Result<ResidualStream> find_residual_stream(const graph::Graph& graph);

// The largest power of two, 1 at most, under which four times the largest magnitude fits float16.
// kUnsupported, by name: one below 1/1024 would be needed; a sublayer's result, which no factor
// makes smaller, does not fit. kBadInput: a value without a range that is no graph's input.
Result<float> residual_factor(const std::vector<const graph::Graph*>& graphs,
                              const std::vector<ResidualStream>& streams,
                              const quant::Ranges& ranges, double margin);

// The stream of `graph`, which `stream` was found in, times `factor`; what leaves it is as before.
// Nodes that this takes become islands.
// A weight of `products` is divided by it, or its scales, where it came quantized.
// kUnsupported, by name: such a weight is neither.
Result<graph::Graph> scale_residual_stream(graph::Graph graph, ResidualStream& stream,
                                           float factor);

// The ranges of that graph's values.
Result<quant::Ranges> scaled_ranges(const quant::Ranges& ranges,
                                    const std::vector<ResidualStream>& streams, float factor);

}  // namespace lapidary::passes
