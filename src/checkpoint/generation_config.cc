#include "checkpoint/generation_config.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "checkpoint/config_fields.h"

namespace lapidary::checkpoint {
namespace {

constexpr std::array kFollowed = {"bos_token_id",   "pad_token_id", "eos_token_id",
                                  "do_sample",      "temperature",  "top_k",
                                  "top_p",          "min_p",        "max_length",
                                  "max_new_tokens", "stop_strings", "repetition_penalty",
                                  "min_new_tokens", "min_length"};

// How the reference runs, not what it writes; set to anything, they leave the text alone.
constexpr std::array kHarmless = {"use_cache",
                                  "cache_implementation",
                                  "cache_config",
                                  "max_cache_len",
                                  "num_return_sequences",
                                  "output_attentions",
                                  "output_hidden_states",
                                  "output_scores",
                                  "output_logits",
                                  "return_dict_in_generate",
                                  "is_assistant",
                                  "num_assistant_tokens",
                                  "num_assistant_tokens_schedule",
                                  "assistant_confidence_threshold",
                                  "assistant_lookbehind",
                                  "target_lookbehind",
                                  "compile_config",
                                  "disable_compile",
                                  "continuous_batching_config",
                                  "low_memory",
                                  "prefill_chunk_size",
                                  "_from_model_config",
                                  "transformers_version",
                                  "_commit_hash"};

// Values that turn a feature off.
struct Neutral {
  const char* key;
  double value;
};
constexpr std::array kNeutral = {
    Neutral{"num_beams", 1},
    Neutral{"num_beam_groups", 1},
    Neutral{"typical_p", 1},
    Neutral{"length_penalty", 1},
    Neutral{"encoder_repetition_penalty", 1},
    Neutral{"guidance_scale", 1},
    Neutral{"no_repeat_ngram_size", 0},
    Neutral{"encoder_no_repeat_ngram_size", 0},
    Neutral{"epsilon_cutoff", 0},
    Neutral{"eta_cutoff", 0},
    Neutral{"diversity_penalty", 0},
};

template <typename Array>
bool contains(const Array& keys, const std::string& key) {
  return std::any_of(keys.begin(), keys.end(), [&](const char* k) { return key == k; });
}

bool is_neutral(const std::string& key, const Json& value) {
  if (value.is_null() || (value.is_boolean() && !value.get<bool>())) return true;
  return value.is_number() && std::any_of(kNeutral.begin(), kNeutral.end(), [&](const Neutral& n) {
           return key == n.key && value.get<double>() == n.value;
         });
}

std::vector<std::string> unfollowed_keys(const Json& object) {
  std::vector<std::string> out;
  for (const auto& [key, value] : object.items()) {
    if (!contains(kFollowed, key) && !contains(kHarmless, key) && !is_neutral(key, value)) {
      out.push_back(key);
    }
  }
  return out;
}

void read_sampling(JsonReader& r, GenerationConfig& g) {
  g.do_sample = r.boolean_or("do_sample", false);
  g.temperature = positive(r, "temperature", 1.0);
  g.top_k = r.integer_or("top_k", 50, {.min = 0});
  g.top_p = r.number_or("top_p", 1.0, {.min = 0.0, .max = 1.0});
  if (r.status().ok() && !(g.top_p > 0)) r.fail("top_p", "must be greater than zero");
  g.min_p = r.optional_number("min_p", {.min = 0.0, .max = 1.0});
  g.repetition_penalty = positive(r, "repetition_penalty", 1.0);
}

void check_ids(JsonReader& r, const GenerationConfig& g, int64_t vocab) {
  const auto check = [&](const char* key, std::optional<int64_t> id) {
    if (id && *id >= vocab) {
      r.fail(key, fmt::format("is {}, outside the vocabulary of {}", *id, vocab));
    }
  };
  check("bos_token_id", g.bos_token_id);
  check("pad_token_id", g.pad_token_id);
  for (const int64_t id : g.eos_token_ids) check("eos_token_id", id);
}

Result<GenerationConfig> read(const JsonDocument& doc, const Config& config) {
  GenerationConfig g = GenerationConfig::from_config(config);
  JsonReader r = doc.root();
  if (const auto id = r.optional_integer("bos_token_id", kTokenId)) g.bos_token_id = id;
  if (const auto id = r.optional_integer("pad_token_id", kTokenId)) g.pad_token_id = id;
  if (auto ids = token_list(r, "eos_token_id", {}); !ids.empty()) g.eos_token_ids = std::move(ids);
  read_sampling(r, g);
  g.max_new_tokens = r.optional_integer("max_new_tokens", {.min = 1});
  g.max_length = r.optional_integer("max_length", {.min = 1});
  r.optional_integer("min_length", {.min = 0});
  g.min_new_tokens = r.optional_integer("min_new_tokens", {.min = 0});
  if (r.raw("stop_strings").is_string()) {
    g.stop_strings = {r.string("stop_strings")};
  } else {
    g.stop_strings = r.strings("stop_strings");
  }
  g.ignored_keys = unfollowed_keys(doc.json());
  if (r.json().contains("min_length") && r.integer_or("min_length", 0) > 0) {
    g.ignored_keys.emplace_back("min_length");
  }
  check_ids(r, g, config.text.vocab_size);
  LAP_RETURN_IF_ERROR(doc.finish());
  return g;
}

}  // namespace

GenerationConfig GenerationConfig::from_config(const Config& config) {
  GenerationConfig g;
  g.bos_token_id = config.bos_token_id;
  g.pad_token_id = config.pad_token_id;
  g.eos_token_ids = config.eos_token_ids;
  return g;
}

Result<GenerationConfig> GenerationConfig::load(const std::filesystem::path& path,
                                                const Config& config) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument doc, JsonDocument::load(path));
  return read(doc, config);
}

Result<GenerationConfig> GenerationConfig::parse(std::string_view text, const std::string& where,
                                                 const Config& config) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument doc, JsonDocument::parse(text, where));
  return read(doc, config);
}

}  // namespace lapidary::checkpoint
