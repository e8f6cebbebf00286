#include "gemma4/audio_weights.h"

#include <fmt/core.h>

#include <utility>

#include "gemma4/module_weights.h"

namespace lapidary::gemma4 {
namespace {

void read_feed_forward(ModuleWeights& m, nn::ConformerFeedForwardWeights& w,
                       const std::string& name, bool clipped) {
  m.read(w.pre_layer_norm, name + ".pre_layer_norm.weight");
  m.read(w.ffw_layer_1, name + ".ffw_layer_1", clipped);
  m.read(w.ffw_layer_2, name + ".ffw_layer_2", clipped);
  m.read(w.post_layer_norm, name + ".post_layer_norm.weight");
}

void read_attention(ModuleWeights& m, nn::ChunkedAttentionWeights& w, bool clipped) {
  m.read(w.q_proj, "self_attn.q_proj", clipped);
  m.read(w.k_proj, "self_attn.k_proj", clipped);
  m.read(w.v_proj, "self_attn.v_proj", clipped);
  m.read(w.post, "self_attn.post", clipped);
  m.read(w.relative_k_proj, "self_attn.relative_k_proj.weight");
  m.read(w.per_dim_scale, "self_attn.per_dim_scale");
}

void read_light_convolution(ModuleWeights& m, nn::LightConvolutionWeights& w, bool clipped) {
  m.read(w.pre_layer_norm, "lconv1d.pre_layer_norm.weight");
  m.read(w.linear_start, "lconv1d.linear_start", clipped);
  m.read(w.depthwise_conv1d, "lconv1d.depthwise_conv1d.weight");
  m.read(w.conv_norm, "lconv1d.conv_norm.weight");
  m.read(w.linear_end, "lconv1d.linear_end", clipped);
}

Result<AudioLayerWeights> layer_weights(bool clipped, int64_t i,
                                        const checkpoint::Weights& weights) {
  ModuleWeights m(weights, fmt::format("{}.layers.{}", kAudioTower, i));
  AudioLayerWeights w;
  read_feed_forward(m, w.feed_forward1, "feed_forward1", clipped);
  m.read(w.norm_pre_attn, "norm_pre_attn.weight");
  read_attention(m, w.self_attn, clipped);
  m.read(w.norm_post_attn, "norm_post_attn.weight");
  read_light_convolution(m, w.lconv1d, clipped);
  read_feed_forward(m, w.feed_forward2, "feed_forward2", clipped);
  m.read(w.norm_out, "norm_out.weight");
  LAP_RETURN_IF_ERROR(m.status());
  return w;
}

}  // namespace

Result<AudioWeights> audio_weights(const checkpoint::AudioConfig& audio,
                                   const checkpoint::Weights& weights) {
  AudioWeights out;
  ModuleWeights m(weights, kAudioTower);
  m.read(out.layer0.conv, "subsample_conv_projection.layer0.conv.weight");
  m.read(out.layer0.norm, "subsample_conv_projection.layer0.norm.weight");
  m.read(out.layer1.conv, "subsample_conv_projection.layer1.conv.weight");
  m.read(out.layer1.norm, "subsample_conv_projection.layer1.norm.weight");
  m.read(out.input_proj_linear, "subsample_conv_projection.input_proj_linear.weight");
  m.read(out.output_proj, "output_proj.weight");
  m.read(out.output_proj_bias, "output_proj.bias");
  LAP_RETURN_IF_ERROR(m.status());
  for (int64_t i = 0; i < audio.num_hidden_layers; ++i) {
    LAP_ASSIGN_OR_RETURN(AudioLayerWeights layer,
                         layer_weights(audio.use_clipped_linears, i, weights));
    out.layers.push_back(std::move(layer));
  }
  ModuleWeights embedder(weights, kEmbedAudio);
  embedder.read(out.embedding_projection, "embedding_projection.weight");
  LAP_RETURN_IF_ERROR(embedder.status());
  return out;
}

}  // namespace lapidary::gemma4
