#include "checkpoint/gemma3_text_config.h"

#include <fmt/core.h>

#include <cmath>
#include <string>
#include <vector>

#include "checkpoint/config_fields.h"
#include "checkpoint/text_layers.h"

namespace lapidary::checkpoint {
namespace {

constexpr double kGlobalTheta = 1e6;
constexpr double kLocalTheta = 1e4;

void refuse_unsupported_gemma3(JsonReader& r) {
  refuse_null(r, {"attention_bias"});
  expect_false(r, "attention_bias", "a bias in the attention projections");
  expect_string(r, "hidden_activation", "gelu_pytorch_tanh");
  if (r.optional_boolean("use_bidirectional_attention").value_or(false)) {
    r.fail("use_bidirectional_attention",
           "is true: text tokens that see later ones are not supported", {},
           ErrorKind::kUnsupported);
  }
  if (r.optional_number("attn_logit_softcapping")) {
    r.fail("attn_logit_softcapping", "is set, which is not supported", "Gemma 3 has none",
           ErrorKind::kUnsupported);
  }
}

void read_gemma3_scalars(JsonReader& r, TextConfig& c) {
  refuse_null(r,
              {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
               "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings",
               "rms_norm_eps", "query_pre_attn_scalar", "sliding_window"});
  c.vocab_size = r.integer_or("vocab_size", 262208, kVocabulary);
  c.hidden_size = r.integer_or("hidden_size", 2304, kDim);
  c.num_hidden_layers = r.integer_or("num_hidden_layers", 26, kLayerCount);
  c.num_attention_heads = r.integer_or("num_attention_heads", 8, kDim);
  c.max_position_embeddings = r.integer_or("max_position_embeddings", 131072, {1, 1 << 30});
  c.rms_norm_eps = positive(r, "rms_norm_eps", 1e-6);
  c.sliding_window = r.integer_or("sliding_window", 4096, {1, 1 << 30});
  c.final_logit_softcapping = r.optional_number("final_logit_softcapping", kFloat32Range);
  if (c.final_logit_softcapping && !(*c.final_logit_softcapping > 0)) {
    r.fail("final_logit_softcapping", "must be greater than zero");
  }
  c.base_intermediate_size = r.integer_or("intermediate_size", 9216, kDim);
  c.base_head_dim = r.integer_or("head_dim", 256, {2, 1 << 16});
  c.base_kv_heads = r.integer_or("num_key_value_heads", 4, kDim);
  c.attention_scale = 1.0 / std::sqrt(positive(r, "query_pre_attn_scalar", 256));
  c.pad_token_id = nullable_token(r, "pad_token_id", 0);
  c.bos_token_id = nullable_token(r, "bos_token_id", 2);
  c.eos_token_ids = token_list(r, "eos_token_id", {1});
  c.tie_word_embeddings = r.boolean_or("tie_word_embeddings", true);
  c.dtype = read_dtype(r);
  c.attention_dropout = r.number_or("attention_dropout", 0.0);
  c.initializer_range = r.number_or("initializer_range", 0.02);
  c.use_cache = r.boolean_or("use_cache", true);
}

// Old configs give the pattern as one number, under either name.
int64_t read_gemma3_pattern(JsonReader& r) {
  const int64_t old_pattern = r.integer_or("_sliding_window_pattern", 6, {1, 4096});
  return r.integer_or("sliding_window_pattern", old_pattern, {1, 4096});
}

// What `r` says of a kind of layer, over what is known already.
void read_gemma3_rope(JsonReader r, RopeParameters& rope) {
  const std::string old_name = r.string_or("type", "default");
  const std::string type = r.string_or("rope_type", old_name);
  rope.theta = positive(r, "rope_theta", rope.theta);
  if (type == "linear") {
    rope.type = RopeType::kLinear;
    rope.factor = positive(r, "factor", 1.0);
  } else if (type != "default") {
    r.fail("rope_type", fmt::format("is '{}', which is not supported", type),
           "default and linear are", ErrorKind::kUnsupported);
  }
  r.pass_over_unknown();
}

// Old configs have rope_theta, rope_local_base_freq and rope_scaling (of full attention), new ones
// rope_parameters with an object a kind of layer; the new ones' thetas win.
void read_gemma3_ropes(JsonReader& r, TextConfig& c) {
  c.full_rope = {.theta = positive(r, "rope_theta", kGlobalTheta)};
  c.sliding_rope = {.theta = positive(r, "rope_local_base_freq", kLocalTheta)};
  if (auto scaling = r.optional_child("rope_scaling")) {
    read_gemma3_rope(*std::move(scaling), c.full_rope);
  }
  auto ropes = r.optional_child("rope_parameters");
  if (!ropes) return;
  if (auto one = ropes->optional_child(kFullAttention)) {
    read_gemma3_rope(*std::move(one), c.full_rope);
  }
  if (auto one = ropes->optional_child(kSlidingAttention)) {
    read_gemma3_rope(*std::move(one), c.sliding_rope);
  }
  ropes->pass_over_unknown();
}

}  // namespace

TextConfig read_gemma3_text_config(JsonReader reader) {
  TextConfig config;
  accept_common_keys(reader);
  reader.ignore({"architectures", "model_type"});
  config.hidden_size_per_layer_input = 0;
  config.value_norm = false;
  config.layer_scalar = false;
  config.norms_multiply_by_1_plus_w = true;
  refuse_unsupported_gemma3(reader);
  read_gemma3_scalars(reader, config);
  if (!reader.status().ok()) return config;
  config.vocab_size_per_layer_input = config.vocab_size;
  const int64_t pattern = read_gemma3_pattern(reader);
  const std::vector<bool> full = read_layer_types(reader, config.num_hidden_layers, pattern);
  read_gemma3_ropes(reader, config);
  expect_multiple(reader, "head_dim", config.base_head_dim, 2, "two");
  expect_multiple(reader, "num_attention_heads", config.num_attention_heads, config.base_kv_heads,
                  "num_key_value_heads");
  for (const bool is_full : full) {
    config.layers.push_back({is_full, config.base_head_dim, config.base_kv_heads,
                             config.base_intermediate_size, std::nullopt});
  }
  check_token_ids(reader, config);
  reader.pass_over_unknown();
  return config;
}

}  // namespace lapidary::checkpoint
