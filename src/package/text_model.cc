#include "package/text_model.h"

namespace lapidary::package {

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
  if (config.vision) out.image_token_id = config.image_token_id.value_or(-1);
  if (config.audio) out.audio_token_id = config.audio_token_id.value_or(-1);
  return out;
}

}  // namespace lapidary::package
