#include "checkpoint/config_fields.h"

#include <fmt/core.h>

#include <utility>

#include "base/text.h"
#include "checkpoint/compressed_tensors.h"

namespace lapidary::checkpoint {
namespace {

// As JSON writes it, so without line breaks, and cut when it is longer than anybody's.
std::string quoted_name(const std::string& name) {
  constexpr size_t kLongest = 80;
  std::string text = Json(name).dump(-1, ' ', false, Json::error_handler_t::replace);
  text = text.substr(1, text.size() - 2);
  if (text.size() > kLongest) {
    size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text = text.substr(0, end) + "...";
  }
  return fmt::format("'{}'", text);
}

}  // namespace

void accept_common_keys(JsonReader& reader) {
  read_quantization_config(reader);  // for what it refuses; Config reads it again
  reader.ignore(
      {"quantization_config",
       // Bookkeeping.
       "transformers_version", "_name_or_path", "name_or_path", "_commit_hash", "torchscript",
       "attn_implementation", "_attn_implementation", "_attn_implementation_autoset",
       "experts_implementation", "_experts_implementation", "output_attentions",
       "output_hidden_states", "return_dict", "use_return_dict", "chunk_size_feed_forward",
       "tie_last_hidden_states", "use_bfloat16", "tf_legacy_loss", "tokenizer_class", "prefix",
       "pruned_heads",
       // Encoder-decoder and fine-tuning tasks.
       "is_encoder_decoder", "is_decoder", "add_cross_attention", "cross_attention_hidden_size",
       "tie_encoder_decoder", "decoder_start_token_id", "sep_token_id", "id2label", "label2id",
       "num_labels", "problem_type", "finetuning_task", "task_specific_params",
       // Generation parameters, dropped by the reference when found here.
       "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "temperature",
       "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty",
       "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids",
       "num_return_sequences", "output_scores", "return_dict_in_generate", "forced_bos_token_id",
       "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty",
       "suppress_tokens", "begin_suppress_tokens", "epsilon_cutoff", "eta_cutoff",
       "encoder_repetition_penalty", "num_assistant_tokens", "num_assistant_tokens_schedule",
       "assistant_confidence_threshold", "assistant_lookbehind", "target_lookbehind",
       "num_beam_groups", "diversity_penalty"});
}

void refuse_unfollowed(JsonReader& reader, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const Json& value = reader.raw(key);
    if (value.empty() || (value.is_boolean() && !value.get<bool>())) continue;
    reader.fail(key, "is set, which is not supported",
                "transformers reads this key; set it to null if it changes nothing",
                ErrorKind::kUnsupported);
  }
}

std::string quoted_names(const std::vector<std::string>& names) {
  constexpr size_t kMost = 12;
  std::string out;
  for (size_t i = 0; i < names.size() && i < kMost; ++i) {
    out += (i == 0 ? "" : ", ") + quoted_name(names[i]);
  }
  if (names.size() > kMost) out += fmt::format(" and {} more", names.size() - kMost);
  return out;
}

void note_passed_over(const JsonDocument& document, const std::filesystem::path& file,
                      std::vector<std::string>& notes) {
  const std::vector<std::string>& keys = document.passed_over();
  if (keys.empty()) return;
  notes.push_back(
      fmt::format("{}: passed over {} that no Gemma 4 code reads: {}", file.filename().string(),
                  counted(static_cast<int64_t>(keys.size()), "key"), quoted_names(keys)));
}

void refuse_null(JsonReader& reader, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (reader.has_key(key) && !reader.has(key)) {
      reader.fail(key, "is null, needs a value", "remove the key to get its default");
    }
  }
}

void expect_string(JsonReader& reader, const std::string& key, const std::string& supported) {
  refuse_null(reader, {key.c_str()});
  const std::string value = reader.string_or(key, supported);
  if (value != supported) {
    reader.fail(key, fmt::format("is '{}', which is not supported", value),
                fmt::format("only '{}' is", supported), ErrorKind::kUnsupported);
  }
}

void expect_false(JsonReader& reader, const std::string& key, const std::string& feature) {
  if (reader.boolean_or(key, false)) {
    reader.fail(key, fmt::format("is true: {} is not supported", feature),
                "supported are the Gemma 4 E2B and E4B kinds of model", ErrorKind::kUnsupported);
  }
}

void expect_multiple(JsonReader& reader, const std::string& key, int64_t value, int64_t divisor,
                     const std::string& of_what) {
  if (divisor < 1 || value % divisor != 0) {
    reader.fail(key, fmt::format("is {}, must be a multiple of {} ({})", value, of_what, divisor));
  }
}

double positive(JsonReader& reader, const std::string& key, double fallback, NumberRange range) {
  const double value = reader.number_or(key, fallback, range);
  if (!(value > 0)) reader.fail(key, "must be greater than zero");
  return value;
}

std::optional<int64_t> nullable_token(JsonReader& reader, const std::string& key,
                                      std::optional<int64_t> fallback) {
  const std::optional<int64_t> value = reader.optional_integer(key, kTokenId);
  return reader.has_key(key) ? value : fallback;
}

std::vector<int64_t> token_list(JsonReader& reader, const std::string& key,
                                std::vector<int64_t> fallback) {
  const Json& value = reader.raw(key);
  if (value.is_array()) return reader.integers(key, kTokenId);
  if (const auto one = reader.optional_integer(key, kTokenId)) return {*one};
  return reader.has_key(key) ? std::vector<int64_t>{} : std::move(fallback);
}

std::optional<DType> read_dtype(JsonReader& reader) {
  const auto old_name = reader.optional_string("torch_dtype");
  const auto name = reader.optional_string("dtype");
  const std::string key = name ? "dtype" : "torch_dtype";
  const std::optional<std::string>& text = name ? name : old_name;
  if (!text) return std::nullopt;
  if (*text == "bfloat16") return DType::kBfloat16;
  if (*text == "float16") return DType::kFloat16;
  if (*text == "float32") return DType::kFloat;
  reader.fail(key, fmt::format("is '{}', which is not supported", *text),
              "weights may be bfloat16, float16 or float32", ErrorKind::kUnsupported);
  return std::nullopt;
}

}  // namespace lapidary::checkpoint
