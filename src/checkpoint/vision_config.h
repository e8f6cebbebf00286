// The vision encoder's numbers: section `vision_config` of config.json (Gemma4VisionConfig), with
// the defaults of transformers 5.23.
#pragma once

#include <cstdint>
#include <optional>

#include "base/dtype.h"
#include "base/json.h"

namespace lapidary::checkpoint {

struct VisionConfig {
  int64_t hidden_size = 768;
  int64_t intermediate_size = 3072;
  int64_t num_hidden_layers = 16;
  int64_t num_attention_heads = 12;
  int64_t num_key_value_heads = 12;
  int64_t head_dim = 64;  // a multiple of 4: half rotates by x, half by y
  double rms_norm_eps = 1e-6;
  int64_t max_position_embeddings = 131072;
  double rope_theta = 100.0;  // axial; "default" in a file means the same
  int64_t pooling_kernel_size = 3;
  int64_t patch_size = 16;
  int64_t position_embedding_size = 10240;  // rows of the table, for x and for y
  bool use_clipped_linears = false;
  bool standardize = false;  // (features - std_bias) * std_scale after pooling
  std::optional<DType> dtype;

  // Without meaning for inference.
  double attention_dropout = 0.0;
  double initializer_range = 0.02;

  // Values of one patch, channel last.
  int64_t patch_elements() const { return 3 * patch_size * patch_size; }
  bool operator==(const VisionConfig&) const = default;
};

// Errors are recorded in the reader's document.
VisionConfig read_vision_config(JsonReader reader);

}  // namespace lapidary::checkpoint
