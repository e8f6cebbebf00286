#include "package/text_model.h"

namespace lapidary::package {
namespace {

// Keys that a file leaves out have the published models' ids, beyond a small vocabulary: no token.
int64_t known_token(const checkpoint::Config& config, std::optional<int64_t> id) {
  return id && *id < config.text.vocab_size ? *id : -1;
}

}  // namespace

TextModel text_model(const checkpoint::Config& config) {
  const checkpoint::TextConfig& text = config.text;
  TextModel out;
  out.vocab_size = text.vocab_size;
  out.hidden_size = text.hidden_size;
  out.per_layer_width = text.num_layers() * text.hidden_size_per_layer_input;
  out.sliding_window = text.sliding_window;
  out.max_positions = text.max_position_embeddings;
  for (const int64_t layer : text.cache_layers()) {
    out.caches.push_back({layer, text.kv_heads(layer), text.head_dim(layer), !text.is_full(layer)});
  }
  out.pad_token_id = text.pad_token_id.value_or(0);
  out.vision_bidirectional_attention = text.vision_bidirectional_attention;
  if (text.has_per_layer_inputs() && text.vocab_size_per_layer_input < text.vocab_size) {
    out.embedded_ids = text.vocab_size_per_layer_input;
  }
  return out;
}

std::optional<VisionModel> vision_model(const checkpoint::Config& config) {
  if (!config.vision) return std::nullopt;
  return VisionModel{.image_token_id = known_token(config, config.image_token_id),
                     .video_token_id = known_token(config, config.video_token_id),
                     .boi_token_id = known_token(config, config.boi_token_id),
                     .eoi_token_id = known_token(config, config.eoi_token_id),
                     .pooling_kernel_size = config.vision->pooling_kernel_size};
}

std::optional<AudioModel> audio_model(const checkpoint::Config& config) {
  if (!config.audio) return std::nullopt;
  return AudioModel{.audio_token_id = known_token(config, config.audio_token_id),
                    .boa_token_id = known_token(config, config.boa_token_id),
                    .eoa_token_id = known_token(config, config.eoa_token_id),
                    .attention_chunk_size = config.audio->attention_chunk_size,
                    // attention_context_left counts the frame itself.
                    .attention_past = config.audio->attention_context_left - 1,
                    .attention_future = config.audio->attention_context_right};
}

}  // namespace lapidary::package
