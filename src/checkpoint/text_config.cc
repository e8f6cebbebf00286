#include "checkpoint/text_config.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "checkpoint/config_fields.h"
#include "checkpoint/text_layers.h"

namespace lapidary::checkpoint {
namespace {

// First of all, so that a model of another kind is refused for what it is and not for a detail.
void refuse_unsupported(JsonReader& reader) {
  expect_string(reader, "model_type", "gemma4_text");
  refuse_null(reader, {"enable_moe_block", "attention_k_eq_v", "attention_bias"});
  expect_false(reader, "enable_moe_block", "a mixture of experts");
  expect_false(reader, "attention_k_eq_v", "keys that serve as values");
  expect_false(reader, "attention_bias", "a bias in the attention projections");
  expect_string(reader, "hidden_activation", "gelu_pytorch_tanh");
  // Without meaning while enable_moe_block is false.
  for (const char* key :
       {"num_experts", "top_k_experts", "moe_intermediate_size", "expert_intermediate_size"}) {
    reader.optional_integer(key);
  }
  for (const char* key :
       {"rope_theta", "rope_scaling", "rope_local_base_freq", "partial_rotary_factor"}) {
    if (reader.has(key)) {
      reader.fail(key, "is not a key of Gemma 4",
                  "say it in rope_parameters, one object per layer type");
    }
    reader.ignore({key});
  }
}

void read_scalars(JsonReader& r, TextConfig& c) {
  refuse_null(r, {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                  "num_attention_heads", "num_key_value_heads", "head_dim", "global_head_dim",
                  "max_position_embeddings", "initializer_range", "rms_norm_eps", "use_cache",
                  "tie_word_embeddings", "sliding_window", "vocab_size_per_layer_input",
                  "hidden_size_per_layer_input", "num_kv_shared_layers", "use_double_wide_mlp"});
  c.vocab_size = r.integer_or("vocab_size", c.vocab_size, kVocabulary);
  c.hidden_size = r.integer_or("hidden_size", c.hidden_size, kDim);
  c.num_hidden_layers = r.integer_or("num_hidden_layers", c.num_hidden_layers, kLayerCount);
  c.num_attention_heads = r.integer_or("num_attention_heads", c.num_attention_heads, kDim);
  c.max_position_embeddings =
      r.integer_or("max_position_embeddings", c.max_position_embeddings, {1, 1 << 30});
  c.rms_norm_eps = positive(r, "rms_norm_eps", c.rms_norm_eps);
  c.sliding_window = r.integer_or("sliding_window", c.sliding_window, {1, 1 << 30});
  c.final_logit_softcapping = r.optional_number("final_logit_softcapping", kFloat32Range);
  if (c.final_logit_softcapping && !(*c.final_logit_softcapping > 0)) {
    r.fail("final_logit_softcapping", "must be greater than zero");
  }
  c.base_intermediate_size = r.integer_or("intermediate_size", c.base_intermediate_size, kDim);
  c.base_head_dim = r.integer_or("head_dim", c.base_head_dim, {2, 1 << 16});
  c.base_kv_heads = r.integer_or("num_key_value_heads", c.base_kv_heads, kDim);
  c.num_global_key_value_heads = r.optional_integer("num_global_key_value_heads", kDim);
  c.num_kv_shared_layers = r.integer_or("num_kv_shared_layers", 0, {0, 4096});
  c.use_double_wide_mlp = r.boolean_or("use_double_wide_mlp", false);
  c.hidden_size_per_layer_input =
      r.integer_or("hidden_size_per_layer_input", c.hidden_size_per_layer_input, {0, 1 << 16});
  c.vocab_size_per_layer_input =
      r.integer_or("vocab_size_per_layer_input", c.vocab_size_per_layer_input, kVocabulary);
  c.pad_token_id = nullable_token(r, "pad_token_id", 0);
  c.bos_token_id = nullable_token(r, "bos_token_id", 2);
  c.eos_token_ids = token_list(r, "eos_token_id", {1});
  c.tie_word_embeddings = r.boolean_or("tie_word_embeddings", true);
  c.dtype = read_dtype(r);
  c.attention_dropout = r.number_or("attention_dropout", 0.0);
  c.initializer_range = r.number_or("initializer_range", 0.02);
  c.use_cache = r.boolean_or("use_cache", true);
  // The reference's masks look at it, although its own configs set it for "all" below only.
  if (!r.boolean_or("is_causal", true)) {
    r.fail("is_causal", "is false: text that sees its future is not supported", "true is",
           ErrorKind::kUnsupported);
  }
  if (const auto bidirectional = r.optional_string("use_bidirectional_attention")) {
    if (*bidirectional != "vision") {
      r.fail("use_bidirectional_attention",
             fmt::format("is '{}', which is not supported", *bidirectional),
             "null and 'vision' are", ErrorKind::kUnsupported);
    }
    c.vision_bidirectional_attention = true;
  }
}

RopeParameters read_rope(JsonReader r) {
  RopeParameters rope;
  const std::string old_name = r.string_or("type", "default");
  const std::string type = r.string_or("rope_type", old_name);
  rope.theta = r.number("rope_theta", kFloat32Range);
  if (r.status().ok() && !(rope.theta > 0)) r.fail("rope_theta", "must be greater than zero");
  const double partial = r.number_or("partial_rotary_factor", 1.0, {.min = 0.0, .max = 1.0});
  if (type == "proportional") {
    rope.type = RopeType::kProportional;
    rope.partial_rotary_factor = partial;
    rope.factor = positive(r, "factor", 1.0);
  } else if (type != "default") {
    r.fail("rope_type", fmt::format("is '{}', which is not supported", type),
           "default and proportional are", ErrorKind::kUnsupported);
  }
  r.pass_over_unknown();  // parameters of other types among them
  return rope;
}

void read_ropes(JsonReader& r, TextConfig& c, const std::vector<bool>& full) {
  c.sliding_rope = {};
  c.full_rope = {.type = RopeType::kProportional, .theta = 1e6, .partial_rotary_factor = 0.25};
  auto ropes = r.optional_child("rope_parameters");
  if (!ropes) return;
  const std::set<bool> used(full.begin(), full.end());
  for (const bool is_full : {false, true}) {
    const char* key = is_full ? kFullAttention : kSlidingAttention;
    if (used.contains(is_full) || ropes->has(key)) {
      (is_full ? c.full_rope : c.sliding_rope) = read_rope(ropes->child(key));
    }
    ropes->ignore({key});
  }
  ropes->pass_over_unknown();
}

struct Geometry {
  int64_t head_dim;
  int64_t kv_heads;
  bool operator==(const Geometry&) const = default;
};

// Overrides by layer, as transformers 5.23 saves them: {"05": {"head_dim": 512}, ...}.
void apply_per_layer_config(JsonReader per_layer, std::vector<Geometry>& layers) {
  std::set<size_t> seen;
  for (const auto& [key, value] : per_layer.json().items()) {
    size_t index = 0;
    const char* end = key.data() + key.size();
    const auto [rest, problem] = std::from_chars(key.data(), end, index);
    if (problem != std::errc() || rest != end || index >= layers.size()) {
      per_layer.fail(key, fmt::format("is not a layer index below {}", layers.size()));
      return;
    }
    if (!seen.insert(index).second) {
      per_layer.fail(key, "names a layer that another key names too");
      return;
    }
    JsonReader one = per_layer.child(key);
    refuse_null(one, {"head_dim", "num_key_value_heads"});
    layers[index].head_dim = one.integer_or("head_dim", layers[index].head_dim, {2, 1 << 16});
    layers[index].kv_heads = one.integer_or("num_key_value_heads", layers[index].kv_heads, kDim);
    for (const auto& [name, unused] : one.json().items()) {
      if (name != "head_dim" && name != "num_key_value_heads") {
        one.fail(name, "cannot differ from layer to layer", "head_dim and num_key_value_heads can",
                 ErrorKind::kUnsupported);
      }
    }
  }
}

std::vector<Geometry> read_geometry(JsonReader& r, const TextConfig& c,
                                    const std::vector<bool>& full) {
  std::vector<Geometry> layers(full.size(), {c.base_head_dim, c.base_kv_heads});
  const int64_t global_head_dim = r.integer_or("global_head_dim", 512, {2, 1 << 16});
  const bool overrides_given = r.has_key("per_layer_config");
  if (auto per_layer = r.optional_child("per_layer_config")) {
    apply_per_layer_config(*std::move(per_layer), layers);
  }
  for (size_t i = 0; i < full.size() && !overrides_given; ++i) {
    if (full[i]) layers[i].head_dim = global_head_dim;
  }
  const std::string source = overrides_given ? "per_layer_config" : "global_head_dim";
  std::map<bool, Geometry> kinds;
  for (size_t i = 0; i < full.size(); ++i) {
    // Angles are computed once for each kind of layer, so its layers must be alike.
    if (const auto [it, fresh] = kinds.try_emplace(full[i], layers[i]); it->second != layers[i]) {
      r.fail(source,
             fmt::format("gives layer {} other dims than the layers of its kind before it", i), {},
             ErrorKind::kUnsupported);
      break;
    }
    expect_multiple(r, full[i] ? source : "head_dim", layers[i].head_dim, 2, "two");
    expect_multiple(r, "num_attention_heads", c.num_attention_heads, layers[i].kv_heads,
                    "num_key_value_heads");
  }
  return layers;
}

void derive_layers(JsonReader& r, TextConfig& c, const std::vector<bool>& full,
                   const std::vector<Geometry>& geometry) {
  if (c.num_kv_shared_layers >= c.num_hidden_layers) {
    r.fail("num_kv_shared_layers", fmt::format("is {}, must be less than num_hidden_layers ({})",
                                               c.num_kv_shared_layers, c.num_hidden_layers));
    return;
  }
  const auto first_shared = static_cast<size_t>(c.first_kv_shared_layer());
  std::map<bool, int64_t> donor;
  for (size_t i = 0; i < full.size(); ++i) {
    TextLayer layer{full[i], geometry[i].head_dim, geometry[i].kv_heads, c.base_intermediate_size,
                    std::nullopt};
    if (i < first_shared) {
      donor[full[i]] = static_cast<int64_t>(i);
    } else if (!donor.contains(full[i])) {
      r.fail(
          "num_kv_shared_layers",
          fmt::format("is {}: layer {} ({}) has no layer of its kind to share keys and values with",
                      c.num_kv_shared_layers, i, full[i] ? kFullAttention : kSlidingAttention));
      return;
    } else {
      layer.kv_donor = donor[full[i]];
      if (c.use_double_wide_mlp) layer.intermediate_size *= 2;
    }
    c.layers.push_back(layer);
  }
}

void check_pad_token(JsonReader& r, const TextConfig& c) {
  if (c.has_per_layer_inputs() && !c.pad_token_id) {
    r.fail("pad_token_id", "is null: soft tokens take the pad token's per-layer inputs");
  }
  if (c.has_per_layer_inputs() && c.pad_token_id &&
      *c.pad_token_id >= c.vocab_size_per_layer_input) {
    r.fail("pad_token_id", fmt::format("is {}, outside the per-layer vocabulary of {}",
                                       *c.pad_token_id, c.vocab_size_per_layer_input));
  }
}

}  // namespace

int64_t RopeParameters::rotated_pairs(int64_t head_dim) const {
  return static_cast<int64_t>(
      std::floor(partial_rotary_factor * static_cast<double>(head_dim) / 2));
}

std::vector<int64_t> TextConfig::cache_layers() const {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < first_kv_shared_layer(); ++i) out.push_back(i);
  return out;
}

TextConfig read_text_config(JsonReader reader) {
  TextConfig config;
  accept_common_keys(reader);
  reader.ignore({"architectures"});
  refuse_unsupported(reader);
  read_scalars(reader, config);
  if (!reader.status().ok()) return config;
  std::vector<bool> full = read_layer_types(reader, config.num_hidden_layers, 6);
  if (!full.empty()) full.back() = true;  // the reference forces it
  read_ropes(reader, config, full);
  const std::vector<Geometry> geometry = read_geometry(reader, config, full);
  if (!reader.status().ok()) return config;
  derive_layers(reader, config, full, geometry);
  check_token_ids(reader, config);
  check_pad_token(reader, config);
  reader.pass_over_unknown();
  return config;
}

}  // namespace lapidary::checkpoint
