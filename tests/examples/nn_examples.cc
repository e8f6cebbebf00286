// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include "example.h"
#include "graph/builder.h"
#include "nn/chunked_attention.h"
#include "nn/subsampling.h"

namespace lapidary::nn {

graph::Ref chunked_attention_example(graph::Builder& b, graph::Ref x, const graph::Ref& mask,
                                     const ChunkedAttentionWeights& weights,
                                     const ChunkedAttentionShape& shape) {
  // [nn/chunked_attention.h]
  const DynamicChunks chunks(b, mask, shape);  // once for all layers
  x = chunked_attention(b, x, "self_attn", weights, chunks, shape);
  // [end]
  return x;
}

Spectrogram subsampling_example(graph::Builder& b, const graph::Ref& features, graph::Ref& mask,
                                const SubsamplingWeights& weights, double eps) {
  // [nn/subsampling.h]
  Spectrogram x = {features, 128};  // [batch, time, 128, 1]
  x = subsample(b, x, frames_to_keep(b, mask), "layer0", weights, eps);
  mask = every_second_frame(b, mask);
  // [end]
  return x;
}

}  // namespace lapidary::nn
