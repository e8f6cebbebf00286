// tokenizer_config.json: which tokens play which part. The tokens themselves are in tokenizer.json.
//
//   LAP_ASSIGN_OR_RETURN(TokenizerConfig config,
//                        TokenizerConfig::load(dir / "tokenizer_config.json"));
//   if (config.bos_token) use(*config.bos_token);
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_set.h"
#include "base/result.h"

namespace lapidary::text {

struct TokenizerConfig {
  std::string tokenizer_class;  // "GemmaTokenizer"; informative
  std::optional<std::string> bos_token, eos_token, pad_token, unk_token;
  // Every key that ends with "_token" and holds a token, the four above included, and those of
  // "model_specific_special_tokens": "image_token" -> "<|image|>".
  std::map<std::string, std::string> named_tokens;
  std::optional<int64_t> model_max_length;   // absent when the file gives none or an absurd one
  std::optional<std::string> chat_template;  // older checkpoints keep the Jinja text here

  // Other keys belong to other programs and are not read. Errors: a token that is neither a string
  // nor an object with a "content"; a value of the wrong type.
  static Result<TokenizerConfig> load(const std::filesystem::path& path);
  // Of tokenizer_config.json.
  static Result<TokenizerConfig> load(const FileSet& files);
  static Result<TokenizerConfig> parse(std::string_view json, const std::string& where);
};

}  // namespace lapidary::text
