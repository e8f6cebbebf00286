#include "checkpoint/gguf_config.h"

#include <fmt/core.h>

#include <string>
#include <vector>

#include "checkpoint/config_fields.h"

namespace lapidary::checkpoint {
namespace {

constexpr int64_t kMostOfAnything = int64_t{1} << 30;

// Copies values of one architecture's keys into config.json's, and remembers the first error.
class ConfigOfGguf {
 public:
  ConfigOfGguf(const gguf::Metadata& metadata, std::string where, std::string architecture)
      : metadata_(metadata), where_(std::move(where)), prefix_(std::move(architecture) + ".") {}

  bool has(const std::string& key) const { return metadata_.has(prefix_ + key); }
  bool is_list(const std::string& key) const {
    const gguf::Metadata::Entry* entry = metadata_.find(prefix_ + key);
    return entry != nullptr && entry->type == gguf::ValueType::kArray;
  }

  int64_t integer(const std::string& key) {
    return take(metadata_.integer(prefix_ + key, 0, kMostOfAnything));
  }
  double number(const std::string& key) { return take(metadata_.number(prefix_ + key)); }
  std::vector<int64_t> integers(const std::string& key) {
    return take(metadata_.integers(prefix_ + key, 0, kMostOfAnything));
  }
  std::vector<bool> booleans(const std::string& key) {
    return take(metadata_.booleans(prefix_ + key));
  }
  std::string string(const std::string& key) { return take(metadata_.string(prefix_ + key)); }

  // One number for all layers, or one a layer.
  std::vector<int64_t> by_layer(const std::string& key, int64_t layers) {
    if (!is_list(key)) return std::vector<int64_t>(static_cast<size_t>(layers), integer(key));
    std::vector<int64_t> out = integers(key);
    if (status().ok() && static_cast<int64_t>(out.size()) != layers) {
      fail(key, fmt::format("has {} numbers for {} layers", out.size(), layers));
    }
    return out;
  }

  void set_integer(const char* to, const std::string& key) {
    if (has(key)) config_[to] = integer(key);
  }
  void set_number(const char* to, const std::string& key) {
    if (has(key)) config_[to] = number(key);
  }

  void fail(const std::string& key, const std::string& what,
            ErrorKind kind = ErrorKind::kBadInput) {
    if (error_) return;
    error_ = bad_input(where_, fmt::format("'{}{}' {}", prefix_, key, what));
    error_->kind = kind;
  }
  Status status() const { return error_ ? Status(*error_) : Status(); }
  Json& config() { return config_; }

 private:
  template <typename T>
  T take(Result<T> result) {
    if (result.ok()) return *std::move(result);
    if (!error_) error_ = result.take_error();
    return {};
  }

  const gguf::Metadata& metadata_;
  std::string where_;
  std::string prefix_;
  Json config_ = Json::object();
  std::optional<Error> error_;
};

// What both architectures have.
void set_common(ConfigOfGguf& from, const GgufFacts& facts) {
  Json& config = from.config();
  config["vocab_size"] = facts.vocabulary;
  config["tie_word_embeddings"] = !facts.has_head;
  config["hidden_size"] = from.integer("embedding_length");
  config["num_hidden_layers"] = from.integer("block_count");
  config["num_attention_heads"] = from.integer("attention.head_count");
  config["rms_norm_eps"] = from.number("attention.layer_norm_rms_epsilon");
  config["sliding_window"] = from.integer("attention.sliding_window");
  from.set_integer("max_position_embeddings", "context_length");
  from.set_number("final_logit_softcapping", "final_logit_softcapping");
  if (from.has("expert_count") && from.integer("expert_count") > 0) {
    from.fail("expert_count", "is not 0: a mixture of experts is not supported",
              ErrorKind::kUnsupported);
  }
}

// Which layers see everything: a list of whether a layer's attention slides, or every how many one
// does not.
void set_layer_types(ConfigOfGguf& from, int64_t otherwise) {
  const std::string key = "attention.sliding_window_pattern";
  const auto layers = from.config()["num_hidden_layers"].get<int64_t>();
  std::vector<bool> slides;
  if (from.is_list(key)) {
    slides = from.booleans(key);
    if (from.status().ok() && static_cast<int64_t>(slides.size()) != layers) {
      from.fail(key, fmt::format("has {} values for {} layers", slides.size(), layers));
    }
  } else {
    const int64_t pattern = from.has(key) ? from.integer(key) : otherwise;
    if (pattern < 1) return from.fail(key, "must be at least 1");
    for (int64_t i = 0; i < layers; ++i) slides.push_back((i + 1) % pattern != 0);
  }
  Json types = Json::array();
  for (const bool slide : slides) {
    types.push_back(slide ? "sliding_attention" : "full_attention");
  }
  from.config()["layer_types"] = std::move(types);
}

Json rope(double theta) { return {{"rope_type", "default"}, {"rope_theta", theta}}; }

void set_gemma3(ConfigOfGguf& from) {
  Json& config = from.config();
  config["model_type"] = "gemma3_text";
  config["intermediate_size"] = from.integer("feed_forward_length");
  config["num_key_value_heads"] = from.integer("attention.head_count_kv");
  const int64_t head_dim = from.integer("attention.key_length");
  config["head_dim"] = head_dim;
  // llama.cpp scales by the head dim whatever the checkpoint's query_pre_attn_scalar was; all
  // published sizes but 27B have that.
  config["query_pre_attn_scalar"] = head_dim;
  set_layer_types(from, 6);
  Json full = rope(from.has("rope.freq_base") ? from.number("rope.freq_base") : 1e6);
  if (from.has("rope.scaling.type") && from.string("rope.scaling.type") != "none") {
    if (from.string("rope.scaling.type") != "linear") {
      return from.fail("rope.scaling.type", "is not linear, which alone is supported",
                       ErrorKind::kUnsupported);
    }
    full["rope_type"] = "linear";
    full["factor"] = from.number("rope.scaling.factor");
  }
  const std::string local = "rope.freq_base_swa";
  config["rope_parameters"] = {
      {"full_attention", std::move(full)},
      {"sliding_attention", rope(from.has(local) ? from.number(local) : 1e4)}};
}

// Layers that share keys and values may be twice as wide.
void set_widths(ConfigOfGguf& from, int64_t shared) {
  Json& config = from.config();
  const auto layers = config["num_hidden_layers"].get<int64_t>();
  const std::vector<int64_t> widths = from.by_layer("feed_forward_length", layers);
  if (!from.status().ok() || widths.empty()) return;
  const bool wide = shared > 0 && widths.back() != widths.front();
  for (int64_t i = 0; i < layers; ++i) {
    const int64_t expected = widths[0] * (wide && i >= layers - shared ? 2 : 1);
    if (widths[static_cast<size_t>(i)] != expected) {
      return from.fail("feed_forward_length",
                       fmt::format("gives layer {} {}, where layers before it make it {}", i,
                                   widths[static_cast<size_t>(i)], expected),
                       ErrorKind::kUnsupported);
    }
  }
  config["intermediate_size"] = widths[0];
  config["use_double_wide_mlp"] = wide;
}

void set_heads(ConfigOfGguf& from) {
  Json& config = from.config();
  const auto layers = config["num_hidden_layers"].get<int64_t>();
  const std::vector<int64_t> heads = from.by_layer("attention.head_count_kv", layers);
  for (size_t i = 1; i < heads.size(); ++i) {
    if (heads[i] != heads[0]) {
      return from.fail("attention.head_count_kv", "differs from layer to layer",
                       ErrorKind::kUnsupported);
    }
  }
  if (!heads.empty()) config["num_key_value_heads"] = heads[0];
  const int64_t full = from.integer("attention.key_length");
  config["global_head_dim"] = full;
  const std::string sliding = "attention.key_length_swa";
  config["head_dim"] = from.has(sliding) ? from.integer(sliding) : full;
}

void set_gemma4(ConfigOfGguf& from, const GgufFacts& facts) {
  Json& config = from.config();
  config["model_type"] = "gemma4_text";
  const std::string shared_key = "attention.shared_kv_layers";
  const int64_t shared = from.has(shared_key) ? from.integer(shared_key) : 0;
  config["num_kv_shared_layers"] = shared;
  set_widths(from, shared);
  set_heads(from);
  set_layer_types(from, 6);
  const std::string width = "embedding_length_per_layer_input";
  config["hidden_size_per_layer_input"] = from.has(width) ? from.integer(width) : 0;
  if (facts.per_layer_vocabulary > 0) {
    config["vocab_size_per_layer_input"] = facts.per_layer_vocabulary;
  }
  Json full = rope(from.has("rope.freq_base") ? from.number("rope.freq_base") : 1e6);
  full["rope_type"] = "proportional";
  full["partial_rotary_factor"] = facts.rotated_share.value_or(1.0);
  const std::string local = "rope.freq_base_swa";
  config["rope_parameters"] = {
      {"full_attention", std::move(full)},
      {"sliding_attention", rope(from.has(local) ? from.number(local) : 1e4)}};
}

void set_token(Json& config, const char* to, const gguf::Metadata& metadata, const char* key) {
  const std::string whole = std::string("tokenizer.ggml.") + key;
  if (!metadata.has(whole)) return;
  const auto id = metadata.integer(whole, 0, kTokenId.max);
  if (id.ok()) config[to] = *id;
}

}  // namespace

Result<Json> gguf_config(const gguf::Metadata& metadata, const std::string& where,
                         const GgufFacts& facts) {
  LAP_ASSIGN_OR_RETURN(const std::string architecture, metadata.string("general.architecture"));
  if (architecture != "gemma3" && architecture != "gemma4") {
    return unsupported(where, fmt::format("'general.architecture' is '{}'", architecture),
                       "gemma3 and gemma4 are supported");
  }
  ConfigOfGguf from(metadata, where, architecture);
  set_common(from, facts);
  if (from.status().ok() && from.config()["num_hidden_layers"].get<int64_t>() > kLayerCount.max) {
    from.fail("block_count", fmt::format("is more than {}", kLayerCount.max));
  }
  LAP_RETURN_IF_ERROR(from.status());
  if (architecture == "gemma3") {
    set_gemma3(from);
  } else {
    set_gemma4(from, facts);
  }
  LAP_RETURN_IF_ERROR(from.status());
  Json config = std::move(from.config());
  set_token(config, "pad_token_id", metadata, "padding_token_id");
  set_token(config, "bos_token_id", metadata, "bos_token_id");
  set_token(config, "eos_token_id", metadata, "eos_token_id");
  return config;
}

}  // namespace lapidary::checkpoint
