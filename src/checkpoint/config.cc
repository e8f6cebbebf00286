#include "checkpoint/config.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "checkpoint/config_fields.h"
#include "checkpoint/gemma3_text_config.h"
#include "checkpoint/text_layers.h"

namespace lapidary::checkpoint {
namespace {

// What a file describes: a whole model, with sections, or the text model of one alone.
struct Family {
  const char* model_type;
  const char* architecture;
  TextConfig (*read_text)(JsonReader);  // of the whole file; null: of its section
};

constexpr std::array<Family, 3> kFamilies = {{
    {"gemma4", "Gemma4ForConditionalGeneration", nullptr},
    {"gemma4_text", "Gemma4ForCausalLM", &read_text_config},
    {"gemma3_text", "Gemma3ForCausalLM", &read_gemma3_text_config},
}};

const Family& read_family(JsonReader& r) {
  const std::string type = r.string("model_type");
  const auto* found = std::find_if(kFamilies.begin(), kFamilies.end(),
                                   [&](const Family& each) { return type == each.model_type; });
  if (found == kFamilies.end()) {
    if (r.status().ok()) {
      r.fail("model_type", fmt::format("is '{}', which is not supported", type),
             "a Gemma 4 E2B or E4B checkpoint ('gemma4') is, its text model ('gemma4_text'), and "
             "Gemma 3's ('gemma3_text')",
             ErrorKind::kUnsupported);
    }
    return kFamilies[0];
  }
  const std::string supported = found->architecture;
  for (const std::string& name : r.strings("architectures")) {
    if (name != supported) {
      r.fail("architectures", fmt::format("holds '{}', which is not supported", name),
             found->read_text != nullptr ? fmt::format("{} is, for a {}", supported, type)
                                         : supported + " is",
             ErrorKind::kUnsupported);
    }
  }
  return *found;
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

void check_ids_of_all(JsonReader& r, const Config& c) {
  const auto check = [&](const char* key, std::optional<int64_t> id) {
    check_token_id(r, key, id, c.text.vocab_size);
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

// Without towers, without their placeholders, and all else is the text section's.
Config text_only_config(TextConfig text) {
  Config c;
  c.text = std::move(text);
  for (auto* id : {&c.image_token_id, &c.video_token_id, &c.audio_token_id, &c.boi_token_id,
                   &c.eoi_token_id, &c.boa_token_id, &c.eoa_token_id}) {
    id->reset();
  }
  c.tie_word_embeddings = c.text.tie_word_embeddings;
  c.dtype = c.text.dtype;
  c.initializer_range = c.text.initializer_range;
  c.pad_token_id = c.text.pad_token_id;
  c.bos_token_id = c.text.bos_token_id;
  c.eos_token_ids = c.text.eos_token_ids;
  return c;
}

Config whole_config(JsonReader& r) {
  Config c;
  refuse_unfollowed(r, {"per_layer_config"});
  if (r.status().ok()) read_sections(r, c);
  if (r.status().ok()) {
    refuse_null(r, {"tie_word_embeddings"});
    c.tie_word_embeddings = r.boolean_or("tie_word_embeddings", true);
    c.dtype = read_dtype(r);
    c.initializer_range = r.number_or("initializer_range", 0.02);
    c.vision_soft_tokens_per_image =
        r.optional_integer("vision_soft_tokens_per_image", {.min = 1, .max = 1 << 16});
    read_token_ids(r, c);
    check_ids_of_all(r, c);
    r.pass_over_unknown();
  }
  return c;
}

Result<Config> read(const JsonDocument& doc, const std::filesystem::path& file) {
  JsonReader r = doc.root();
  accept_common_keys(r);
  const Family& family = read_family(r);
  LAP_RETURN_IF_ERROR(doc.finish());
  Config c = family.read_text != nullptr ? text_only_config(family.read_text(r)) : whole_config(r);
  if (auto quantization = read_quantization_config(r)) c.quantization = std::move(quantization);
  LAP_RETURN_IF_ERROR(doc.finish());
  note_passed_over(doc, file, c.notes);
  return c;
}

}  // namespace

Result<Config> Config::load(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument doc, JsonDocument::load(path));
  return read(doc, path);
}

Result<Config> Config::parse(std::string_view text, const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument doc, JsonDocument::parse(text, where));
  return read(doc, where);
}

}  // namespace lapidary::checkpoint
