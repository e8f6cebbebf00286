// What a Tokenizer is made of, and how it is read from the text of a tokenizer.json.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/normalizer.h"
#include "text/piece_decoder.h"
#include "text/pre_tokenizer.h"

namespace lapidary::text {

// Ids to put before and after a text; a text id list is repeated where the template repeats it.
struct PostProcessor {
  static constexpr int32_t kText = -1;
  std::vector<int32_t> pieces = {kText};
};

struct TokenizerParts {
  BpeModel model;
  AddedTokens added;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  PostProcessor post_processor;
  PieceDecoder decoder;
  std::vector<std::string> saved_call_settings = {};  // "truncation", "padding"

  bool knows(int32_t id) const {
    return added.find(id) != nullptr || model.vocabulary().contains(id);
  }
};

Result<TokenizerParts> parse_tokenizer(std::string_view json, const std::string& where);

}  // namespace lapidary::text
