#include "build/text_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "checkpoint/config_fields.h"
#include "text/chat_template.h"
#include "text/template_source.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace lapidary::build {
namespace {

using checkpoint::Checkpoint;
using Notes = std::vector<std::string>;

Status check_ids(const Checkpoint& checkpoint, const text::Tokenizer& tokenizer) {
  const int64_t embeddings = checkpoint.config.text.vocab_size;
  const std::string where = checkpoint.files.where("tokenizer.json");
  const char* remedy = "tokenizer and weights are of different checkpoints";
  if (static_cast<int64_t>(tokenizer.vocab_size()) > embeddings) {
    return bad_input(where,
                     fmt::format("has {} tokens, config.json's 'text_config.vocab_size' is {}",
                                 tokenizer.vocab_size(), embeddings),
                     remedy);
  }
  if (tokenizer.id_limit() > embeddings) {
    return bad_input(where,
                     fmt::format("has id {}, config.json's 'text_config.vocab_size' is {}",
                                 tokenizer.id_limit() - 1, embeddings),
                     remedy);
  }
  return {};
}

void note_per_layer_table(const Checkpoint& checkpoint, const text::Tokenizer& tokenizer,
                          Notes& notes) {
  const checkpoint::TextConfig& text = checkpoint.config.text;
  if (!text.has_per_layer_inputs()) return;
  Notes lacking;
  int64_t first = 0;
  for (int64_t id = text.vocab_size_per_layer_input; id < tokenizer.id_limit(); ++id) {
    if (auto token = tokenizer.id_to_token(static_cast<int32_t>(id))) {
      if (lacking.empty()) first = id;
      lacking.push_back(*std::move(token));
    }
  }
  if (lacking.empty()) return;
  notes.push_back(
      fmt::format("tokenizer.json: has {} that the per-layer table of {} rows lacks, from id {} "
                  "on: {}; a prompt with one of them is refused",
                  counted(static_cast<int64_t>(lacking.size()), "token"),
                  text.vocab_size_per_layer_input, first, checkpoint::quoted_names(lacking)));
}

// What the reference reads of tokenizer_config.json beside the tokens' names and the template.
Status check_tokenizer_config(const Checkpoint& checkpoint, const text::Tokenizer& tokenizer,
                              Notes& notes) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document,
                       checkpoint.files.document("tokenizer_config.json"));
  JsonReader root = document.root();
  checkpoint::refuse_unfollowed(
      root, {"split_special_tokens",
             "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output"});
  LAP_RETURN_IF_ERROR(document.finish());
  const auto config = text::TokenizerConfig::load(checkpoint.files);
  if (!config.ok()) return {};  // nobody needs it when there is no template
  Notes unknown;
  for (const auto& [name, token] : config->named_tokens) {
    const bool named = std::find(unknown.begin(), unknown.end(), token) != unknown.end();
    if (!named && !tokenizer.token_to_id(token)) unknown.push_back(token);
  }
  if (!unknown.empty()) {
    notes.push_back(
        fmt::format("tokenizer_config.json: names tokens that tokenizer.json lacks: {}; they are "
                    "plain text here",
                    checkpoint::quoted_names(unknown)));
  }
  return {};
}

void note_template_source(const text::TemplateSource& source, Notes& notes) {
  if (source.file != text::kTemplateFile && source.file != text::kTokenizerConfigFile) {
    notes.push_back(
        fmt::format("{}: the chat template is taken from here, and not from its usual "
                    "place, {}",
                    source.file, text::kTemplateFile));
  }
  for (const std::string& file : source.passed_over) {
    notes.push_back(fmt::format("{}: holds another chat template, passed over for that of {}", file,
                                source.file));
  }
}

// The token with which the template closes a reply; nothing when it closes it with plain text, or
// does not render a plain conversation.
std::optional<int32_t> closing_token(const text::ChatTemplate& chat,
                                     const text::Tokenizer& tokenizer) {
  const std::string reply = "lapidary-reply";
  const Json messages =
      Json::array({text::chat_message("user", "Hello"), text::chat_message("assistant", reply)});
  text::ChatOptions options;
  options.add_generation_prompt = false;
  const auto rendered = chat.render(messages, options);
  if (!rendered.ok()) return std::nullopt;
  const size_t at = rendered->rfind(reply);
  if (at == std::string::npos) return std::nullopt;
  const auto ids = tokenizer.encode(std::string_view(*rendered).substr(at + reply.size()), false);
  if (!ids.ok()) return std::nullopt;
  // Tokens that were added later need not be special.
  const auto marks = [&](int32_t id) {
    const std::string token = tokenizer.id_to_token(id).value_or("");
    return tokenizer.is_special(id) || (token.starts_with('<') && token.ends_with('>'));
  };
  const auto mark = std::find_if(ids->begin(), ids->end(), marks);
  if (mark == ids->end()) return std::nullopt;
  return *mark;
}

void note_end_of_turn(const Checkpoint& checkpoint, const text::ChatTemplate& chat,
                      const text::Tokenizer& tokenizer, Notes& notes) {
  const auto token = closing_token(chat, tokenizer);
  const std::vector<int64_t>& ends = checkpoint.generation.eos_token_ids;
  if (!token || std::find(ends.begin(), ends.end(), *token) != ends.end()) return;
  notes.push_back(
      fmt::format("generation_config.json: 'eos_token_id' lacks {}, {}, with which the chat "
                  "template ends a turn: replies go on behind it",
                  *token, checkpoint::quoted_names({tokenizer.id_to_token(*token).value_or("")})));
}

}  // namespace

Result<std::vector<std::string>> check_text_files(const Checkpoint& checkpoint) {
  Notes notes;
  LAP_ASSIGN_OR_RETURN(const text::Tokenizer tokenizer, text::Tokenizer::load(checkpoint.files));
  LAP_RETURN_IF_ERROR(check_ids(checkpoint, tokenizer));
  if (const Notes& settings = tokenizer.saved_call_settings(); !settings.empty()) {
    notes.push_back(
        fmt::format("tokenizer.json: settings of a call, saved by accident, are not "
                    "applied: {}",
                    checkpoint::quoted_names(settings)));
  }
  note_per_layer_table(checkpoint, tokenizer, notes);
  LAP_RETURN_IF_ERROR(check_tokenizer_config(checkpoint, tokenizer, notes));
  LAP_ASSIGN_OR_RETURN(const auto source, text::find_template(checkpoint.files));
  if (!source) return notes;
  // Of one that was given, the checkpoint's own note says what it is in the place of.
  if (!checkpoint.files.replaced(source->file)) note_template_source(*source, notes);
  LAP_ASSIGN_OR_RETURN(const text::ChatTemplate chat, text::ChatTemplate::load(checkpoint.files));
  note_end_of_turn(checkpoint, chat, tokenizer, notes);
  return notes;
}

}  // namespace lapidary::build
