#include "gemma4/audio_encoder.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "gemma4/audio_weights.h"
#include "gemma4/multimodal_embedder.h"
#include "graph/builder.h"
#include "nn/activation_clamp.h"
#include "nn/linear.h"
#include "nn/rms_norm.h"
#include "tensor/expressions.h"

namespace lapidary::gemma4 {
namespace {

using checkpoint::AudioConfig;
using graph::Builder;
using graph::Ref;
using tensor::DType;

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

class AudioEncoderBuilder {
 public:
  AudioEncoderBuilder(const AudioConfig& audio, int64_t text_hidden, const AudioWeights& weights)
      : audio_(audio), text_hidden_(text_hidden), w_(weights), b_("audio_encoder") {}

  graph::Graph build() {
    declare_inputs();
    {
      const auto scope = b_.enter(kAudioTower);
      subsample();
      frames_ = nn::chunk_frames(b_, mask_, attention_);
      positions_ = nn::relative_positions(b_, attention_);
      for (size_t i = 0; i < w_.layers.size(); ++i) {
        const auto layer_scope = b_.enter("layers." + std::to_string(i));
        layer(w_.layers[i]);
      }
      keep_real_frames();
      output_projection();
    }
    const Ref features =
        embed_soft_tokens(b_, hidden_, kEmbedAudio, w_.embedding_projection, audio_.rms_norm_eps);
    b_.output("audio_features", features, DType::kFloat, {"num_audio_tokens", text_hidden_});
    return std::move(b_).finish();
  }

 private:
  void declare_inputs() {
    const std::string batch = "batch";
    const std::string time = "time";
    // The projection after two halvings of the bins takes channels[0] / 4 of them.
    const int64_t mel_bins = audio_.subsampling_conv_channels[0];
    hidden_ = b_.input("input_features", DType::kFloat, {batch, time, mel_bins});
    mask_ = b_.input("input_features_mask", DType::kBool, {batch, time});
  }

  // A frame of 10 ms has a vector of mel bins; a soft token stands for four frames.
  void subsample() {
    const auto scope = b_.enter("subsample_conv_projection");
    nn::Spectrogram x = {b_.op("Unsqueeze", {hidden_, b_.constant({3})}, "layer0"), mask_};
    x = nn::subsample(b_, x, "layer0", w_.layer0, audio_.rms_norm_eps);
    x = nn::subsample(b_, x, "layer1", w_.layer1, audio_.rms_norm_eps);
    const Ref flat = b_.op("Reshape", {x.values, b_.constant({0, 0, audio_.subsampled_size()})},
                           "input_proj_linear");
    hidden_ = nn::linear(b_, flat, "input_proj_linear", w_.input_proj_linear);
    mask_ = x.mask;
  }

  Ref norm(const Ref& x, const std::string& name, const tensor::Tensor& weight) {
    return nn::rms_norm(b_, nn::activation_clamp(b_, x, name, limit_), name, weight, kLayerNormEps);
  }

  // Half a feed-forward step, attention, convolution, the other half, norm.
  void layer(const AudioLayerWeights& w) {
    const nn::ConformerFeedForwardOptions half_step = {
        kLayerNormEps, static_cast<float>(audio_.residual_weight), limit_};
    hidden_ = nn::conformer_feed_forward(b_, hidden_, "feed_forward1", w.feed_forward1, half_step);

    const Ref attended =
        nn::chunked_attention(b_, norm(hidden_, "norm_pre_attn", w.norm_pre_attn), "self_attn",
                              w.self_attn, positions_, frames_, attention_);
    hidden_ =
        b_.op("Add", {norm(attended, "norm_post_attn", w.norm_post_attn), hidden_}, "self_attn");

    hidden_ =
        nn::light_convolution(b_, hidden_, "lconv1d", w.lconv1d, {audio_.rms_norm_eps, limit_});
    hidden_ = nn::conformer_feed_forward(b_, hidden_, "feed_forward2", w.feed_forward2, half_step);
    hidden_ = norm(hidden_, "norm_out", w.norm_out);
  }

  // [batch, time, hidden] -> [num_audio_tokens, hidden]
  void keep_real_frames() {
    const auto scope = b_.enter("real_frames");
    const Ref rows = b_.op("Reshape", {hidden_, b_.constant({-1, audio_.hidden_size})});
    const Ref real = b_.op("Reshape", {mask_, b_.constant({-1})});
    hidden_ = b_.op("Compress", {rows, real}, "", {{"axis", int64_t{0}}});
  }

  void output_projection() {
    const Ref bias =
        b_.weight("output_proj.bias", tensor::cast(w_.output_proj_bias, DType::kFloat));
    hidden_ =
        b_.op("Add", {nn::linear(b_, hidden_, "output_proj", w_.output_proj), bias}, "output_proj");
  }

  const AudioConfig& audio_;
  const int64_t text_hidden_;
  const AudioWeights& w_;
  const nn::ChunkedAttentionShape attention_ = {
      .heads = audio_.num_attention_heads,
      .head_dim = audio_.head_dim(),
      .chunk = audio_.attention_chunk_size,
      .past = audio_.attention_context_left - 1,
      .future = audio_.attention_context_right,
      .logit_cap = static_cast<float>(audio_.attention_logit_cap),
      .invalid_logit = invalid_logit(audio_)};
  const float limit_ = audio_.gradient_clipping < kNoGradientClipping
                           ? static_cast<float>(audio_.gradient_clipping)
                           : std::numeric_limits<float>::infinity();
  Builder b_;
  Ref hidden_;  // the residual stream
  Ref mask_;    // [batch, time] of hidden_
  Ref positions_;
  nn::ChunkedFrames frames_;
};

Status check_context(const AudioConfig& audio) {
  const int64_t context =
      audio.attention_chunk_size + audio.attention_context_left - 1 + audio.attention_context_right;
  if (context <= kLongestContext) return {};
  return unsupported("config.json: audio_config",
                     "attention_chunk_size with attention_context_left and attention_context_right "
                     "makes a context of " +
                         std::to_string(context) + " frames, more than " +
                         std::to_string(kLongestContext));
}

}  // namespace

Result<graph::Graph> build_audio_encoder(const checkpoint::Config& config,
                                         const checkpoint::Weights& weights) {
  LAP_RETURN_IF_ERROR(check_context(*config.audio));
  LAP_ASSIGN_OR_RETURN(const AudioWeights w, audio_weights(*config.audio, weights));
  return AudioEncoderBuilder(*config.audio, config.text.hidden_size, w).build();
}

}  // namespace lapidary::gemma4
