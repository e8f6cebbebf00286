#include "text/added_tokens.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "text/character_class.h"

namespace lapidary::text {
namespace {

// Where the white space that ends `text` begins.
size_t trailing_space(std::string_view text) {
  while (!text.empty()) {
    size_t begin = text.size() - 1;
    while ((static_cast<unsigned char>(text[begin]) & 0xc0u) == 0x80u) --begin;
    if (!is_space(first_char(text.substr(begin)))) break;
    text = text.substr(0, begin);
  }
  return text.size();
}

// Bytes of the white space that `text` begins with.
size_t leading_space(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && is_space(first_char(text.substr(end)))) {
    end += utf8_length(text[end]);
  }
  return end;
}

bool touches_word(std::string_view before, std::string_view after) {
  return (!before.empty() && is_word(last_char(before))) ||
         (!after.empty() && is_word(first_char(after)));
}

}  // namespace

PrefixTree::PrefixTree() : nodes_(1) { roots_.fill(-1); }

int32_t PrefixTree::child(int32_t node, char byte) const {
  if (node == 0) return roots_[static_cast<unsigned char>(byte)];
  int32_t at = nodes_[static_cast<size_t>(node)].first_child;
  while (at >= 0 && nodes_[static_cast<size_t>(at)].byte != byte) {
    at = nodes_[static_cast<size_t>(at)].next_sibling;
  }
  return at;
}

bool PrefixTree::insert(std::string_view key, int32_t value) {
  int32_t node = 0;
  for (const char byte : key) {
    int32_t next = child(node, byte);
    if (next < 0) {
      next = static_cast<int32_t>(nodes_.size());
      nodes_.push_back({-1, -1, nodes_[static_cast<size_t>(node)].first_child, byte});
      nodes_[static_cast<size_t>(node)].first_child = next;
      if (node == 0) roots_[static_cast<unsigned char>(byte)] = next;
    }
    node = next;
  }
  int32_t& slot = nodes_[static_cast<size_t>(node)].value;
  return std::exchange(slot, value) < 0;
}

size_t PrefixTree::next_start(std::string_view text, size_t begin) const {
  while (begin < text.size() && roots_[static_cast<unsigned char>(text[begin])] < 0) ++begin;
  return begin;
}

PrefixTree::Match PrefixTree::longest(std::string_view text) const {
  Match best;
  int32_t node = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    node = child(node, text[i]);
    if (node < 0) break;
    const int32_t value = nodes_[static_cast<size_t>(node)].value;
    if (value >= 0) best = {value, i + 1};
  }
  return best;
}

Status AddedTokens::insert(AddedToken token, const Vocabulary& vocabulary,
                           const Normalizer& normalizer, const std::string& where) {
  const auto quoted = fmt::format("added token '{}'", token.content);
  if (token.content.empty()) return bad_input(where, "an added token has an empty content");
  const auto index = static_cast<int32_t>(tokens_.size());
  const int32_t in_model = vocabulary.find(token.content);
  const int64_t expected =
      in_model >= 0 ? in_model : static_cast<int64_t>(vocabulary.size() + outside_vocabulary_);
  if (in_model < 0) ++outside_vocabulary_;
  if (!by_content_.emplace(token.content, index).second) {
    return bad_input(where, quoted + " appears twice");
  }
  if (token.id != expected) {
    return bad_input(
        where, fmt::format("{} has id {}, expected {}", quoted, token.id, expected),
        in_model >= 0 ? "its id in model.vocab" : "ids beyond model.vocab are numbered in order");
  }
  if (in_model < 0 && vocabulary.contains(static_cast<int32_t>(expected))) {
    return bad_input(where, fmt::format("{} has id {}, which model.vocab gives to another token",
                                        quoted, token.id));
  }
  by_id_.emplace(static_cast<int32_t>(token.id), index);
  std::string form = token.normalized ? normalizer.apply(token.content) : token.content;
  PrefixTree& tree = token.normalized ? normalized_ : raw_;
  if (form.empty()) return bad_input(where, quoted + " is empty once normalized");
  if (!tree.insert(form, index)) {
    return bad_input(where, quoted + " equals another added token once normalized");
  }
  decoded_.push_back(std::move(form));
  tokens_.push_back(std::move(token));
  return {};
}

Result<AddedTokens> AddedTokens::build(std::vector<AddedToken> tokens, const Vocabulary& vocabulary,
                                       const Normalizer& normalizer, const std::string& where) {
  AddedTokens out;
  for (AddedToken& token : tokens) {
    LAP_RETURN_IF_ERROR(out.insert(std::move(token), vocabulary, normalizer, where));
  }
  return out;
}

const AddedToken* AddedTokens::find(int32_t id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &tokens_[at->second];
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto at = by_content_.find(std::string(content));
  return at == by_content_.end() ? nullptr : &tokens_[at->second];
}

std::string_view AddedTokens::decoded_form(const AddedToken& token) const {
  return decoded_[static_cast<size_t>(&token - tokens_.data())];
}

bool AddedTokens::skipped(std::string_view decoded_form) const {
  const AddedToken* token = find(decoded_form);
  return token != nullptr && token->special;
}

std::vector<AddedTokens::Piece> AddedTokens::split(std::string_view text,
                                                   const PrefixTree& tree) const {
  std::vector<Piece> out;
  size_t done = 0;
  for (size_t at = tree.next_start(text, 0); at < text.size();) {
    const PrefixTree::Match match = tree.longest(text.substr(at));
    if (match.value < 0) {
      at = tree.next_start(text, at + 1);
      continue;
    }
    size_t begin = at;
    size_t end = at + match.length;
    at = tree.next_start(text, end);
    const AddedToken& token = tokens_[static_cast<size_t>(match.value)];
    if (token.single_word && touches_word(text.substr(0, begin), text.substr(end))) continue;
    if (token.lstrip) begin = std::max(trailing_space(text.substr(0, begin)), done);
    if (token.rstrip) end += leading_space(text.substr(end));
    if (done < begin) out.push_back({-1, done, begin});
    out.push_back({static_cast<int32_t>(token.id), begin, end});
    // The search goes on right after the match, even inside white space that rstrip swallowed.
    done = end;
  }
  if (done < text.size()) out.push_back({-1, done, text.size()});
  return out;
}

}  // namespace lapidary::text
