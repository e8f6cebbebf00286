// The text decoder's numbers: section `text_config` of config.json (Gemma4TextConfig), or all of it
// in Gemma 3's text models (checkpoint/gemma3_text_config.h).
//
//   const TextConfig& text = config.text;
//   for (int64_t i = 0; i < text.num_layers(); ++i) {
//     use(text.head_dim(i), text.kv_heads(i), text.rope(i));
//     use(text.intermediate_size(i));
//   }
//
// Defaults and derived values are those of transformers 5.24 (configuration_gemma4.py): the last
// layer is always full attention; full-attention layers have their own head dim, given as
// `global_head_dim` or, in configs that transformers saved again, as `per_layer_config`; the last
// `num_kv_shared_layers` layers have no keys and values of their own and read those of the last
// layer of the same kind before them (their donor).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/json.h"

namespace lapidary::checkpoint {

enum class RopeType { kDefault, kProportional, kLinear };

struct RopeParameters {
  RopeType type = RopeType::kDefault;
  double theta = 10000.0;
  // Share of the head dim that is rotated; always 1 but for kProportional: the reference of the
  // others ignores the key.
  double partial_rotary_factor = 1.0;
  // Angles are divided by it (not for kDefault).
  double factor = 1.0;

  // Pairs (i, i + head_dim / 2) with a non-zero angle: the first ones. Exponents of their
  // frequencies are taken over the full head dim: theta^(-2i / head_dim) / factor.
  int64_t rotated_pairs(int64_t head_dim) const;
  bool operator==(const RopeParameters&) const = default;
};

// What differs from layer to layer.
struct TextLayer {
  bool full_attention = false;
  int64_t head_dim = 0;
  int64_t kv_heads = 0;
  int64_t intermediate_size = 0;
  std::optional<int64_t> kv_donor;  // set in KV-shared layers only

  bool operator==(const TextLayer&) const = default;
};

struct TextConfig {
  int64_t vocab_size = 262144;
  int64_t hidden_size = 2304;
  int64_t num_hidden_layers = 30;
  int64_t num_attention_heads = 8;
  int64_t max_position_embeddings = 131072;
  double rms_norm_eps = 1e-6;
  int64_t sliding_window = 512;  // a token sees itself and the window - 1 before it
  std::optional<double> final_logit_softcapping;
  RopeParameters sliding_rope;
  RopeParameters full_rope;

  // As written; what a layer has is in `layers`.
  int64_t base_intermediate_size = 9216;
  int64_t base_head_dim = 256;
  int64_t base_kv_heads = 4;
  std::optional<int64_t> num_global_key_value_heads;  // counts with attention_k_eq_v only
  int64_t num_kv_shared_layers = 0;
  bool use_double_wide_mlp = false;

  // Per-layer inputs (PLE); width 0 means that the model has none.
  int64_t hidden_size_per_layer_input = 256;
  int64_t vocab_size_per_layer_input = 262144;  // less than vocab_size where only one was resized

  std::optional<int64_t> pad_token_id = 0;
  std::optional<int64_t> bos_token_id = 2;
  std::vector<int64_t> eos_token_ids = {1};
  bool tie_word_embeddings = true;  // Config::tie_word_embeddings decides
  // Soft tokens of one image see each other ("vision"); no effect on text.
  bool vision_bidirectional_attention = false;
  std::optional<DType> dtype;

  // Where Gemma 3 differs; no keys of Gemma 4.
  double attention_scale = 1.0;  // of the products of queries and keys
  bool value_norm = true;        // values are normalized, without a weight
  bool layer_scalar = true;      // what a layer gives is multiplied by a number of its own
  bool norms_multiply_by_1_plus_w = false;  // RMSNorm's weight w, else by w

  // Without meaning for inference.
  double attention_dropout = 0.0;
  double initializer_range = 0.02;
  bool use_cache = true;

  std::vector<TextLayer> layers;

  int64_t num_layers() const { return num_hidden_layers; }
  const TextLayer& layer(int64_t i) const { return layers[static_cast<size_t>(i)]; }
  bool is_full(int64_t i) const { return layer(i).full_attention; }
  int64_t head_dim(int64_t i) const { return layer(i).head_dim; }
  int64_t kv_heads(int64_t i) const { return layer(i).kv_heads; }
  int64_t intermediate_size(int64_t i) const { return layer(i).intermediate_size; }
  const RopeParameters& rope(int64_t i) const { return is_full(i) ? full_rope : sliding_rope; }
  bool has_per_layer_inputs() const { return hidden_size_per_layer_input > 0; }

  bool is_kv_shared(int64_t i) const { return layer(i).kv_donor.has_value(); }
  // The layer whose keys and values layer i attends to: itself, unless it is KV-shared.
  int64_t donor_of(int64_t i) const { return layer(i).kv_donor.value_or(i); }
  // num_layers() when no layer is shared.
  int64_t first_kv_shared_layer() const { return num_hidden_layers - num_kv_shared_layers; }
  // Layers with a cache of their own, in order: all before the first shared one.
  std::vector<int64_t> cache_layers() const;
  // The highest layer that writes keys and values. Prompt tokens need no layer above it.
  int64_t last_donor() const { return first_kv_shared_layer() - 1; }
};

// Errors are recorded in the reader's document. Unsupported features are refused by name.
TextConfig read_text_config(JsonReader reader);

}  // namespace lapidary::checkpoint
