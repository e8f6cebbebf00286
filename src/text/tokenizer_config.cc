#include "text/tokenizer_config.h"

#include <utility>

#include "base/json.h"

namespace lapidary::text {
namespace {

void read_token(JsonReader& reader, const std::string& key, TokenizerConfig& config) {
  const Json& value = reader.raw(key);
  if (value.is_null() || value.is_boolean()) return;  // add_bos_token and its like are switches
  if (value.is_string()) {
    config.named_tokens[key] = value.get<std::string>();
  } else if (value.is_object()) {
    config.named_tokens[key] = reader.child(key).string("content");
  } else {
    reader.fail(key, "must be a token: a string, or an object with 'content'");
  }
}

void read_tokens(JsonReader& reader, TokenizerConfig& config) {
  for (const auto& [key, value] : reader.json().items()) {
    if (key.ends_with("_token")) read_token(reader, key, config);
  }
}

Result<TokenizerConfig> read(const JsonDocument& document) {
  TokenizerConfig config;
  JsonReader root = document.root();
  config.tokenizer_class = root.string_or("tokenizer_class", "");
  if (auto specific = root.optional_child("model_specific_special_tokens")) {
    read_tokens(*specific, config);
  }
  read_tokens(root, config);
  const auto named = [&](const char* key) -> std::optional<std::string> {
    const auto at = config.named_tokens.find(key);
    if (at == config.named_tokens.end()) return std::nullopt;
    return at->second;
  };
  config.bos_token = named("bos_token");
  config.eos_token = named("eos_token");
  config.pad_token = named("pad_token");
  config.unk_token = named("unk_token");
  // transformers writes 1e30 for "no limit".
  if (const auto length = root.optional_number("model_max_length", {.min = 1}); length < 1e15) {
    if (length) config.model_max_length = static_cast<int64_t>(*length);
  }
  // A list of named templates is another form of the same; only the single one is read here.
  if (root.raw("chat_template").is_string()) {
    config.chat_template = root.string("chat_template");
  }
  LAP_RETURN_IF_ERROR(document.finish());
  return config;
}

}  // namespace

Result<TokenizerConfig> TokenizerConfig::load(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::load(path));
  return read(document);
}

Result<TokenizerConfig> TokenizerConfig::load(const FileSet& files) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, files.document("tokenizer_config.json"));
  return read(document);
}

Result<TokenizerConfig> TokenizerConfig::parse(std::string_view json, const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::parse(json, where));
  return read(document);
}

}  // namespace lapidary::text
