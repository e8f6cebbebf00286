#include "build/text_check.h"

#include <fmt/core.h>

#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace lapidary::build {

Status check_text_files(const checkpoint::Checkpoint& checkpoint) {
  LAP_ASSIGN_OR_RETURN(const text::Tokenizer tokenizer,
                       text::Tokenizer::load(checkpoint.tokenizer));
  const auto embeddings = static_cast<size_t>(checkpoint.config.text.vocab_size);
  if (tokenizer.vocab_size() > embeddings) {
    return bad_input(checkpoint.tokenizer.string(),
                     fmt::format("has {} tokens, config.json's 'text_config.vocab_size' is {}",
                                 tokenizer.vocab_size(), embeddings),
                     "tokenizer and weights are of different checkpoints");
  }
  if (!text::ChatTemplate::present(checkpoint.dir)) return {};
  LAP_ASSIGN_OR_RETURN(const text::ChatTemplate chat, text::ChatTemplate::load(checkpoint.dir));
  return {};
}

}  // namespace lapidary::build
