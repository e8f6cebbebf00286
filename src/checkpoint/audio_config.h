// The audio encoder's numbers: section `audio_config` of config.json (Gemma4AudioConfig), with the
// defaults of transformers 5.23.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/dtype.h"
#include "base/json.h"

namespace lapidary::checkpoint {

struct AudioConfig {
  int64_t hidden_size = 1024;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 8;
  // Output channels of the two stride-2 convolutions. The reference sizes the projection after them
  // by channels[0] / 4 where it means mel bins / 4, so the two must be equal.
  std::array<int64_t, 2> subsampling_conv_channels = {128, 32};
  int64_t conv_kernel_size = 5;
  double residual_weight = 0.5;
  int64_t attention_chunk_size = 12;
  int64_t attention_context_left = 13;  // counts the frame itself
  int64_t attention_context_right = 0;
  double attention_logit_cap = 50.0;
  double attention_invalid_logits_value = -1e9;
  bool use_clipped_linears = true;
  double rms_norm_eps = 1e-6;
  double gradient_clipping = 1e10;
  int64_t output_proj_dims = 1536;
  std::optional<DType> dtype;

  // Without meaning for inference.
  double initializer_range = 0.02;

  int64_t head_dim() const { return hidden_size / num_attention_heads; }
  // Inputs of the projection after subsampling.
  int64_t subsampled_size() const {
    return subsampling_conv_channels[0] / 4 * subsampling_conv_channels[1];
  }
  bool operator==(const AudioConfig&) const = default;
};

// Errors are recorded in the reader's document.
AudioConfig read_audio_config(JsonReader reader);

}  // namespace lapidary::checkpoint
