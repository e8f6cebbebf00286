// What the audio encoder computes whatever the form of its graph: subsampling, conformer layers,
// projection to the text model. Source: Gemma4AudioModel and Gemma4MultimodalEmbedder of
// transformers; a conformer (Gulati et al. 2020, arXiv:2005.08100) with chunked local attention and
// relative positions (Dai et al. 2019, arXiv:1901.02860).
//
//   AudioTower tower(b, audio, weights);
//   graph::Ref x = tower.subsample(features, keep, halved_keep);
//   x = tower.conformer(x, nn::FixedChunks(b, mask, time, tower.attention()));
//   b.output("audio_features", tower.embed(x), DType::kFloat, {"tokens", text_hidden});
#pragma once

#include "base/result.h"
#include "checkpoint/audio_config.h"
#include "gemma4/audio_weights.h"
#include "graph/builder.h"
#include "nn/chunked_attention.h"

namespace lapidary::gemma4 {

class AudioTower {
 public:
  // All three must outlive the tower.
  AudioTower(graph::Builder& b, const checkpoint::AudioConfig& audio, const AudioWeights& weights)
      : b_(b), audio_(audio), w_(weights) {}

  // The projection after two halvings of the bins takes channels[0] / 4 of them.
  int64_t mel_bins() const { return audio_.subsampling_conv_channels[0]; }
  nn::ChunkedAttentionShape attention() const;

  // features: [batch, time, mel bins]; keep, halved_keep: [batch, time] and [batch, ceil(time / 2)]
  // float32, 1 for a real frame and 0 elsewhere; `keep` omitted: the features beyond are zeros.
  // -> [batch, ceil(time / 4), hidden], in scope subsample_conv_projection.
  graph::Ref subsample(const graph::Ref& features, const graph::Ref& keep,
                       const graph::Ref& halved_keep);
  // [batch, time, hidden] -> the same shape.
  graph::Ref conformer(graph::Ref x, const nn::FrameChunks& chunks);
  // [..., hidden] -> [..., output_proj_dims]
  graph::Ref output_projection(const graph::Ref& x);
  // [..., output_proj_dims] -> [..., text hidden]; not in the tower's scope.
  graph::Ref embed(const graph::Ref& x);

 private:
  graph::Ref layer(graph::Ref x, const AudioLayerWeights& w, const nn::FrameChunks& chunks);
  graph::Ref norm(const graph::Ref& x, const std::string& name, const tensor::Tensor& weight);
  float activation_limit() const;

  graph::Builder& b_;
  const checkpoint::AudioConfig& audio_;
  const AudioWeights& w_;
};

// Error: an attention context of more than 4096 frames (kUnsupported).
Status check_context(const checkpoint::AudioConfig& audio);

}  // namespace lapidary::gemma4
