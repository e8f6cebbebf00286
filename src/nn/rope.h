// Rotary position embedding (Su et al. 2021, arXiv:2104.09864), halves rotated against each other:
// pair i is (x[i], x[i + d/2]), rotated by position * frequency[i].
#pragma once

#include <vector>

#include "graph/builder.h"

namespace lapidary::nn {

// Frequencies of the d/2 pairs: theta^(-2i/d) / factor for the first `rotated_pairs`, 0 for the
// rest ("proportional" RoPE rotates only the first pairs, exponents over the full head dim).
std::vector<float> rope_frequencies(int64_t head_dim, double theta, int64_t rotated_pairs,
                                    double factor);

struct RopeTable {
  graph::Ref cos, sin;  // [batch, sequence, head_dim / 2]
};

// positions: [batch, sequence] int64. The table is computed in the graph for the positions at hand:
// stored tables would cost hundreds of megabytes at the context lengths of these models.
RopeTable rope_table(graph::Builder& b, const graph::Ref& positions, const std::string& name,
                     const std::vector<float>& frequencies);

// x: [batch, sequence, heads * head_dim] -> the same shape. Emits ONNX RotaryEmbedding.
graph::Ref apply_rope(graph::Builder& b, const graph::Ref& x, const RopeTable& table, int64_t heads,
                      const std::string& name);

}  // namespace lapidary::nn
