// Local self-attention over chunks of frames, with relative positions.
//
// Time is cut into chunks. The queries of a chunk share one context: the chunk itself, `past`
// frames before it and `future` frames after it. That is what each query may see at most; the mask
// narrows it to the distances [1 - future, past) that the model was trained with. Relative
// positions as Transformer-XL's (Dai et al. 2019, arXiv:1901.02860, appendix B), with sines and
// cosines projected per layer and no learned biases. Source: Gemma4AudioAttention,
// Gemma4AudioRelPositionalEncoding and the masks of Gemma4AudioModel.
//
//   const ChunkedFrames frames = chunk_frames(b, mask, shape);             // once for all layers
//   const Ref positions = relative_positions(b, shape);                    // likewise
//   x = chunked_attention(b, x, "self_attn", weights, positions, frames, shape);
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/builder.h"
#include "nn/clipped_linear.h"

namespace lapidary::nn {

struct ChunkedAttentionShape {
  int64_t heads = 0;
  int64_t head_dim = 0;
  int64_t chunk = 0;
  int64_t past = 0;
  int64_t future = 0;
  float logit_cap = 0.0F;      // logits become cap * tanh(logits / cap)
  float invalid_logit = 0.0F;  // what a key that may not be seen gets after the cap

  int64_t hidden() const { return heads * head_dim; }
  int64_t context() const { return past + chunk + future; }
  // Relative positions context / 2, ..., 1, 0. The reference takes half the context for `past`;
  // where the two differ, its positions are shifted, and so are ours.
  int64_t positions() const { return context() / 2 + 1; }
};

struct ChunkedAttentionWeights {
  ClippedLinearWeights q_proj, k_proj, v_proj, post;  // [hidden, hidden]
  tensor::Tensor relative_k_proj;                     // [hidden, hidden]
  tensor::Tensor per_dim_scale;                       // [head_dim]
};

// What the layers share for the frames at hand.
struct ChunkedFrames {
  graph::Ref time;             // [1] int64
  graph::Ref chunk_padding;    // [6] int64: the pads that make [batch, time, x] whole chunks
  graph::Ref context_indices;  // [chunks, context] int64: frames of [batch, past + time + ..., x]
  graph::Ref visible;          // [batch, 1, chunks, chunk, context] bool
};

// mask: [batch, time] bool, true for real frames.
ChunkedFrames chunk_frames(graph::Builder& b, const graph::Ref& mask,
                           const ChunkedAttentionShape& shape);

// visible[i * context + j]: query i of a chunk may see place j of the context, if a real frame is
// there.
std::vector<bool> visible_places(const ChunkedAttentionShape& shape);

// [positions, hidden]: sines, then cosines, of the relative positions.
std::vector<float> relative_position_table(const ChunkedAttentionShape& shape);
graph::Ref relative_positions(graph::Builder& b, const ChunkedAttentionShape& shape);

// x: [batch, time, hidden] -> the same shape. `positions` as relative_positions made it.
graph::Ref chunked_attention(graph::Builder& b, const graph::Ref& x, const std::string& name,
                             const ChunkedAttentionWeights& weights, const graph::Ref& positions,
                             const ChunkedFrames& frames, const ChunkedAttentionShape& shape);

}  // namespace lapidary::nn
