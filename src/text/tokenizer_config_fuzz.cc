// libFuzzer target: any bytes as tokenizer_config.json, alone and as what a chat template takes its
// special tokens from.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/testing/fuzz.h"
#include "text/chat_template.h"
#include "text/tokenizer_config.h"

namespace {

namespace fuzzing = lapidary::fuzzing;
namespace text = lapidary::text;

constexpr std::string_view kTemplate =
    "{{ bos_token }}{% for message in messages %}{{ message.content }}{{ eos_token }}{% endfor %}";

void check_names(const text::TokenizerConfig& config) {
  const auto stands_in = [&](const char* name, const std::optional<std::string>& token) {
    if (!token) return;
    const auto found = config.named_tokens.find(name);
    fuzzing::require(found != config.named_tokens.end() && found->second == *token,
                     "a special token is not among the named ones");
  };
  stands_in("bos_token", config.bos_token);
  stands_in("eos_token", config.eos_token);
  stands_in("pad_token", config.pad_token);
  stands_in("unk_token", config.unk_token);
}

void render(std::string_view input) {
  const auto json = lapidary::parse_json(input, "tokenizer_config.json");
  if (!fuzzing::accepted(json)) return;
  const auto chat = text::ChatTemplate::parse(kTemplate, *json, "template");
  if (!fuzzing::accepted(chat)) return;
  text::ChatOptions options;
  options.now = 0;
  const auto prompt =
      chat->render(lapidary::Json::array({text::chat_message("user", "Hi")}), options);
  if (!fuzzing::accepted(prompt)) return;
  fuzzing::require(prompt->find("Hi") != std::string::npos, "the message is not in the prompt");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = fuzzing::text_of(data, size);
  const fuzzing::MemoryBound bound(size);
  const auto config = text::TokenizerConfig::parse(input, "tokenizer_config.json");
  if (fuzzing::accepted(config)) check_names(*config);
  render(input);
  return 0;
}
