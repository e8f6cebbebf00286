// Local self-attention over chunks of frames, with relative positions.
//
// Time is cut into chunks. The queries of a chunk share one context: the chunk itself, `past`
// frames before it and `future` frames after it. That is what each query may see at most; the mask
// narrows it to the distances [1 - future, past) that the model was trained with. Relative
// positions as Transformer-XL's (Dai et al. 2019, arXiv:1901.02860, appendix B), with sines and
// cosines projected per layer and no learned biases. Source: Gemma4AudioAttention,
// Gemma4AudioRelPositionalEncoding and the masks of Gemma4AudioModel.
//
//   const DynamicChunks chunks(b, mask, shape);  // once for all layers
//   x = chunked_attention(b, x, "self_attn", weights, chunks, shape);
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

// Frames, `hidden` wide, as chunks: what differs between graphs of any length and of one length. A
// block is a chunk of a clip; blocks of all clips of a batch stand one after the other.
class FrameChunks {
 public:
  virtual ~FrameChunks() = default;
  // [batch, time, hidden] -> [blocks, chunk, hidden], the last chunk of a clip filled up.
  virtual graph::Ref chunks(graph::Builder& b, const graph::Ref& x,
                            const std::string& at) const = 0;
  // [batch, time, hidden] -> [blocks, context, hidden], zeros beyond both ends of a clip.
  virtual graph::Ref contexts(graph::Builder& b, const graph::Ref& x,
                              const std::string& at) const = 0;
  // [heads, blocks, chunk, context]: the logits, far down where a key may not be seen.
  virtual graph::Ref masked(graph::Builder& b, const graph::Ref& logits) const = 0;
  // [blocks, chunk, hidden] -> [batch, time, hidden]
  virtual graph::Ref frames(graph::Builder& b, const graph::Ref& x,
                            const std::string& at) const = 0;
};

// Batches of clips of any length.
class DynamicChunks final : public FrameChunks {
 public:
  // mask: [batch, time] bool, true for real frames. Emits what the layers share.
  DynamicChunks(graph::Builder& b, const graph::Ref& mask, const ChunkedAttentionShape& shape);
  graph::Ref chunks(graph::Builder& b, const graph::Ref& x, const std::string& at) const override;
  graph::Ref contexts(graph::Builder& b, const graph::Ref& x, const std::string& at) const override;
  graph::Ref masked(graph::Builder& b, const graph::Ref& logits) const override;
  graph::Ref frames(graph::Builder& b, const graph::Ref& x, const std::string& at) const override;

 private:
  ChunkedAttentionShape shape_;
  graph::Ref time_;             // [1] int64
  graph::Ref whole_;            // [3] int64: the shape of whole chunks of [batch, time, hidden]
  graph::Ref chunk_padding_;    // [6] int64: the pads that make [batch, time, x] whole chunks
  graph::Ref context_indices_;  // [chunks, context] int64: frames of [batch, past + time + ..., x]
  graph::Ref visible_;          // [blocks, chunk, context] bool
};

// One clip of `time` frames, every shape a number. Contexts are slices, one chunk apart, joined:
// no gather, and nothing to compute but an Add for the mask.
class FixedChunks final : public FrameChunks {
 public:
  // attention_mask: [ceil(time / chunk), chunk, context] float32, added to the logits.
  FixedChunks(graph::Builder& b, const graph::Ref& attention_mask, int64_t time,
              const ChunkedAttentionShape& shape);
  graph::Ref chunks(graph::Builder& b, const graph::Ref& x, const std::string& at) const override;
  graph::Ref contexts(graph::Builder& b, const graph::Ref& x, const std::string& at) const override;
  graph::Ref masked(graph::Builder& b, const graph::Ref& logits) const override;
  graph::Ref frames(graph::Builder& b, const graph::Ref& x, const std::string& at) const override;

 private:
  int64_t blocks() const { return (time_ + shape_.chunk - 1) / shape_.chunk; }

  ChunkedAttentionShape shape_;
  int64_t time_;
  graph::Ref mask_;  // [1, blocks, chunk, context]
};

// visible[i * context + j]: query i of a chunk may see place j of the context, if a real frame is
// there.
std::vector<bool> visible_places(const ChunkedAttentionShape& shape);

// [positions, hidden]: sines, then cosines, of the relative positions.
std::vector<float> relative_position_table(const ChunkedAttentionShape& shape);

// x: [batch, time, hidden] -> the same shape.
graph::Ref chunked_attention(graph::Builder& b, const graph::Ref& x, const std::string& name,
                             const ChunkedAttentionWeights& weights, const FrameChunks& chunks,
                             const ChunkedAttentionShape& shape);

}  // namespace lapidary::nn
