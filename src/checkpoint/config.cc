#include "checkpoint/config.h"

#include <fmt/core.h>

#include "base/json.h"
#include "checkpoint/config_fields.h"

namespace lapidary::checkpoint {
namespace {

void check_family(JsonReader& r) {
  const std::string type = r.string("model_type");
  if (r.status().ok() && type != "gemma4") {
    r.fail("model_type", fmt::format("is '{}', which is not supported", type),
           "a Gemma 4 E2B or E4B checkpoint ('gemma4') is", ErrorKind::kUnsupported);
  }
  for (const std::string& name : r.strings("architectures")) {
    if (name != "Gemma4ForConditionalGeneration") {
      r.fail("architectures", fmt::format("holds '{}', which is not supported", name),
             "Gemma4ForConditionalGeneration is", ErrorKind::kUnsupported);
    }
  }
}

void read_sections(JsonReader& r, Config& c) {
  if (auto text = r.optional_child("text_config")) {
    if (!c.quantization) c.quantization = read_quantization_config(*text);
    c.text = read_text_config(*std::move(text));
  } else if (r.status().ok()) {
    // As in the reference: no section, all defaults.
    auto empty = JsonDocument::parse("{}", "defaults");
    c.text = read_text_config(empty->root());
  }
  if (auto vision = r.optional_child("vision_config")) {
    c.vision = read_vision_config(*std::move(vision));
  }
  if (auto audio = r.optional_child("audio_config")) {
    c.audio = read_audio_config(*std::move(audio));
  }
}

void read_token_ids(JsonReader& r, Config& c) {
  c.image_token_id = nullable_token(r, "image_token_id", c.image_token_id);
  c.video_token_id = nullable_token(r, "video_token_id", c.video_token_id);
  c.audio_token_id = nullable_token(r, "audio_token_id", c.audio_token_id);
  c.boi_token_id = nullable_token(r, "boi_token_id", c.boi_token_id);
  c.eoi_token_id = nullable_token(r, "eoi_token_id", c.eoi_token_id);
  c.boa_token_id = nullable_token(r, "boa_token_id", c.boa_token_id);
  // Published files carry both spellings.
  const auto second = nullable_token(r, "eoa_token_id", std::nullopt);
  const bool has_index = r.has_key("eoa_token_index");
  c.eoa_token_id = nullable_token(r, "eoa_token_index", second ? second : c.eoa_token_id);
  if (has_index && second && second != c.eoa_token_id) {
    r.fail("eoa_token_id", "differs from eoa_token_index");
  }
  c.pad_token_id = nullable_token(r, "pad_token_id", c.text.pad_token_id);
  c.bos_token_id = nullable_token(r, "bos_token_id", c.text.bos_token_id);
  c.eos_token_ids = token_list(r, "eos_token_id", c.text.eos_token_ids);
}

void check_token_ids(JsonReader& r, const Config& c) {
  const auto check = [&](const char* key, std::optional<int64_t> id) {
    if (id && *id >= c.text.vocab_size) {
      r.fail(key, fmt::format("is {}, outside the vocabulary of {}", *id, c.text.vocab_size));
    }
  };
  const auto need = [&](const char* key, std::optional<int64_t> id, const char* tower) {
    if (!id) r.fail(key, std::string("is null, but there is a ") + tower);
    check(key, id);
  };
  // The ids of a tower that is not there have defaults beyond a small vocabulary; they do not
  // count.
  if (c.vision) need("image_token_id", c.image_token_id, "vision_config");
  if (c.audio) need("audio_token_id", c.audio_token_id, "audio_config");
  check("pad_token_id", c.pad_token_id);
  check("bos_token_id", c.bos_token_id);
  for (const int64_t id : c.eos_token_ids) check("eos_token_id", id);
}

Result<Config> read(const JsonDocument& doc) {
  Config c;
  JsonReader r = doc.root();
  accept_common_keys(r);
  check_family(r);
  c.quantization = read_quantization_config(r);
  if (r.status().ok()) read_sections(r, c);
  if (r.status().ok()) {
    refuse_null(r, {"tie_word_embeddings"});
    c.tie_word_embeddings = r.boolean_or("tie_word_embeddings", true);
    c.dtype = read_dtype(r);
    c.initializer_range = r.number_or("initializer_range", 0.02);
    c.vision_soft_tokens_per_image =
        r.optional_integer("vision_soft_tokens_per_image", {.min = 1, .max = 1 << 16});
    read_token_ids(r, c);
    check_token_ids(r, c);
    r.reject_unknown(kUnknownKeyRemedy);
  }
  LAP_RETURN_IF_ERROR(doc.finish());
  return c;
}

}  // namespace

Result<Config> Config::load(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument doc, JsonDocument::load(path));
  return read(doc);
}

Result<Config> Config::parse(std::string_view text, const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument doc, JsonDocument::parse(text, where));
  return read(doc);
}

}  // namespace lapidary::checkpoint
