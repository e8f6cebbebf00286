// Tokens that are found in the text before the model sees it: special tokens, runs of line breaks,
// markup. Those with `normalized` false are searched in the raw text, the others afterwards in the
// normalized rest. The leftmost match wins, and of several the longest.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/normalizer.h"
#include "text/vocabulary.h"

namespace lapidary::text {

struct AddedToken {
  int64_t id = 0;
  std::string content;
  bool single_word = false;  // matches only where no letter or digit touches it
  bool lstrip = false;       // swallows the white space before it
  bool rstrip = false;       // ... and after it
  bool normalized = false;
  bool special = false;
};

// Finds the longest of a set of strings that starts at a given place.
class PrefixTree {
 public:
  PrefixTree();
  // False when `key` is in the set already.
  bool insert(std::string_view key, int32_t value);
  bool empty() const { return nodes_.size() == 1; }
  // The first byte at or after `begin` at which a key may start, or text.size().
  size_t next_start(std::string_view text, size_t begin) const;
  struct Match {
    int32_t value = -1;  // -1: none
    size_t length = 0;
  };
  Match longest(std::string_view text) const;

 private:
  struct Node {
    int32_t value = -1;
    int32_t first_child = -1;
    int32_t next_sibling = -1;
    char byte = 0;
  };
  int32_t child(int32_t node, char byte) const;

  std::vector<Node> nodes_;
  std::array<int32_t, 256> roots_;  // by first byte; -1: no key starts so
};

class AddedTokens {
 public:
  struct Piece {
    int32_t id;  // -1: text between added tokens
    size_t begin;
    size_t end;
  };

  // Errors: a token twice; an id that is not the model's id of that token or, for a token outside
  // the model's vocabulary, not the next one after it in the order given (the reference ignores the
  // ids of the file and numbers so).
  static Result<AddedTokens> build(std::vector<AddedToken> tokens, const Vocabulary& vocabulary,
                                   const Normalizer& normalizer, const std::string& where);

  std::vector<Piece> split_raw(std::string_view text) const { return split(text, raw_); }
  std::vector<Piece> split_normalized(std::string_view text) const {
    return split(text, normalized_);
  }

  // Null when `id` is not an added token.
  const AddedToken* find(int32_t id) const;
  const AddedToken* find(std::string_view content) const;
  // What the decoder sees: the normalized content of a `normalized` token, else the content.
  std::string_view decoded_form(const AddedToken& token) const;
  // Whether decoding with skip_special_tokens leaves this token (in its decoded form) out.
  bool skipped(std::string_view decoded_form) const;
  // Added tokens that the model's vocabulary does not have.
  size_t outside_vocabulary() const { return outside_vocabulary_; }
  const std::vector<AddedToken>& all() const { return tokens_; }

 private:
  Status insert(AddedToken token, const Vocabulary& vocabulary, const Normalizer& normalizer,
                const std::string& where);
  std::vector<Piece> split(std::string_view text, const PrefixTree& tree) const;

  std::vector<AddedToken> tokens_;
  std::vector<std::string> decoded_;           // beside tokens_
  std::unordered_map<int32_t, size_t> by_id_;  // -> index in tokens_
  std::unordered_map<std::string, size_t> by_content_;
  PrefixTree raw_, normalized_;  // values: index in tokens_
  size_t outside_vocabulary_ = 0;
};

}  // namespace lapidary::text
