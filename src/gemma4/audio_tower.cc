#include "gemma4/audio_tower.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <string>

#include "gemma4/multimodal_embedder.h"
#include "nn/activation_clamp.h"
#include "nn/linear.h"
#include "nn/rms_norm.h"
#include "tensor/expressions.h"

namespace lapidary::gemma4 {
namespace {

using checkpoint::AudioConfig;
using graph::Ref;

// The reference leaves the norms of a layer and of its feed-forward modules at the default of
// Gemma4RMSNorm. Subsampling, light convolution and embedder take config.rms_norm_eps.
constexpr double kLayerNormEps = 1e-6;

// The clamps guard bfloat16 training. What they see is at most two linears away from a norm, so in
// float32 a limit of the default's size never bites and is left out.
constexpr double kNoGradientClipping = 1e10;

// Frames of 40 ms that the queries of a chunk share. The mask of a chunk grows with its square.
constexpr int64_t kLongestContext = 4096;

// No visible logit is below -cap. A masked one this far below it weighs exactly 0, and a row of
// nothing but masked keys is uniform, as with any lower value. Configs say -1e9, which half
// precision does not hold.
constexpr double kFarBelow = 1000.0;

float invalid_logit(const AudioConfig& audio) {
  return static_cast<float>(
      std::max(audio.attention_invalid_logits_value, -audio.attention_logit_cap - kFarBelow));
}

}  // namespace

nn::ChunkedAttentionShape AudioTower::attention() const {
  return {.heads = audio_.num_attention_heads,
          .head_dim = audio_.head_dim(),
          .chunk = audio_.attention_chunk_size,
          .past = audio_.attention_context_left - 1,
          .future = audio_.attention_context_right,
          .logit_cap = static_cast<float>(audio_.attention_logit_cap),
          .invalid_logit = invalid_logit(audio_)};
}

float AudioTower::activation_limit() const {
  return audio_.gradient_clipping < kNoGradientClipping
             ? static_cast<float>(audio_.gradient_clipping)
             : std::numeric_limits<float>::infinity();
}

// A frame of 10 ms has a vector of mel bins; a soft token stands for four frames.
Ref AudioTower::subsample(const Ref& features, const Ref& keep, const Ref& halved_keep) {
  nn::Spectrogram x = {b_.op("Unsqueeze", {features, b_.constant({3})}, "layer0"), mel_bins()};
  x = nn::subsample(b_, x, keep, "layer0", w_.layer0, audio_.rms_norm_eps);
  x = nn::subsample(b_, x, halved_keep, "layer1", w_.layer1, audio_.rms_norm_eps);
  const Ref flat = b_.op("Reshape", {x.values, b_.constant({0, 0, audio_.subsampled_size()})},
                         "input_proj_linear");
  return nn::linear(b_, flat, "input_proj_linear", w_.input_proj_linear);
}

Ref AudioTower::conformer(Ref x, const nn::FrameChunks& chunks) {
  for (size_t i = 0; i < w_.layers.size(); ++i) {
    const auto scope = b_.enter(fmt::format("layers.{}", i));
    x = layer(x, w_.layers[i], chunks);
  }
  return x;
}

Ref AudioTower::norm(const Ref& x, const std::string& name, const tensor::Tensor& weight) {
  return nn::rms_norm(b_, nn::activation_clamp(b_, x, name, activation_limit()), name, weight,
                      kLayerNormEps);
}

// Half a feed-forward step, attention, convolution, the other half, norm.
Ref AudioTower::layer(Ref x, const AudioLayerWeights& w, const nn::FrameChunks& chunks) {
  const nn::ConformerFeedForwardOptions half_step = {
      kLayerNormEps, static_cast<float>(audio_.residual_weight), activation_limit()};
  x = nn::conformer_feed_forward(b_, x, "feed_forward1", w.feed_forward1, half_step);
  const Ref attended = nn::chunked_attention(b_, norm(x, "norm_pre_attn", w.norm_pre_attn),
                                             "self_attn", w.self_attn, chunks, attention());
  x = b_.op("Add", {norm(attended, "norm_post_attn", w.norm_post_attn), x}, "self_attn");
  x = nn::light_convolution(b_, x, "lconv1d", w.lconv1d, {audio_.rms_norm_eps, activation_limit()});
  x = nn::conformer_feed_forward(b_, x, "feed_forward2", w.feed_forward2, half_step);
  return norm(x, "norm_out", w.norm_out);
}

Ref AudioTower::output_projection(const Ref& x) {
  const Ref bias = b_.weight("output_proj.bias", tensor::cast(w_.output_proj_bias, DType::kFloat));
  return b_.op("Add", {nn::linear(b_, x, "output_proj", w_.output_proj), bias}, "output_proj");
}

Ref AudioTower::embed(const Ref& x) {
  return embed_soft_tokens(b_, x, kEmbedAudio, w_.embedding_projection, audio_.rms_norm_eps);
}

Status check_context(const AudioConfig& audio) {
  const int64_t context =
      audio.attention_chunk_size + audio.attention_context_left - 1 + audio.attention_context_right;
  if (context <= kLongestContext) return {};
  return unsupported(
      "config.json: audio_config",
      fmt::format("attention_chunk_size with attention_context_left and attention_context_right "
                  "makes a context of {} frames, more than {}",
                  context, kLongestContext));
}

}  // namespace lapidary::gemma4
