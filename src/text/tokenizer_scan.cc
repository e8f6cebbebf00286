#include "text/tokenizer_scan.h"

#include <fmt/core.h>

namespace lapidary::text {

TokenizerScan::TokenizerScan(std::string_view text) : text_(text), scanner_(text) {
  scanner_.enter('{');
}

void TokenizerScan::advance() {
  const bool had_vocabulary = has_vocabulary_;
  while (problem().empty() && has_vocabulary_ == had_vocabulary) {
    std::string_view key;
    if (!scanner_.next_key(key)) {
      if (!in_model_) break;
      in_model_ = false;
    } else if (in_model_) {
      read_model_key(key);
    } else if (key == "model" && scanner_.peek() == '{') {
      in_model_ = scanner_.enter('{');
    } else {
      scanner_.skip();
    }
  }
  if (has_vocabulary_ != had_vocabulary && problem().empty()) return;
  done_ = true;
  if (problem().empty()) scanner_.finish();
}

void TokenizerScan::read_model_key(std::string_view key) {
  const bool is_vocabulary = key == "vocab";
  if (!is_vocabulary && key != "merges") {
    scanner_.skip();
    return;
  }
  bool& seen = is_vocabulary ? has_vocabulary_ : has_merges_;
  if (seen) {
    problem_ = fmt::format("'model.{}' appears twice", key);
    return;
  }
  scanner_.peek();
  const size_t begin = scanner_.position();
  if (is_vocabulary) {
    read_vocabulary();
  } else {
    read_merges();
  }
  cuts_.emplace_back(begin, scanner_.position());
  seen = true;
}

void TokenizerScan::read_vocabulary() {
  if (scanner_.peek() != '{') {
    problem_ = "'model.vocab' must be an object";
    return;
  }
  scanner_.enter('{');
  Vocabulary::Entry entry{};
  while (scanner_.next_key(entry.token)) {
    const char c = scanner_.peek();
    if (c != '-' && (c < '0' || c > '9')) {
      problem_ = fmt::format("'model.vocab': the id of token '{}' must be an integer", entry.token);
      return;
    }
    if (scanner_.integer(entry.id)) vocabulary_.push_back(entry);
  }
}

// The older form: "left right".
bool TokenizerScan::split_merge(std::string_view text, MergeTable::Pair& pair) {
  const size_t space = text.find(' ');
  if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
    problem_ = fmt::format("model.merges[{}] is '{}', expected two tokens with one space between",
                           merges_.size(), text);
    return false;
  }
  pair = {text.substr(0, space), text.substr(space + 1)};
  return true;
}

bool TokenizerScan::read_merge_pair(MergeTable::Pair& pair) {
  scanner_.enter('[');
  int count = 0;
  for (; scanner_.next_element(); ++count) {
    if (scanner_.peek() != '"' || count == 2) break;
    scanner_.string(count == 0 ? pair.left : pair.right);
  }
  if (!scanner_.ok()) return false;
  if (count == 2 && text_[scanner_.position() - 1] == ']') return true;
  problem_ = fmt::format("model.merges[{}] must be a pair of strings", merges_.size());
  return false;
}

void TokenizerScan::read_merges() {
  if (scanner_.peek() != '[') {
    problem_ = "'model.merges' must be an array";
    return;
  }
  scanner_.enter('[');
  char form = 0;
  while (scanner_.next_element()) {
    const char c = scanner_.peek();
    if (form == 0) form = c;
    MergeTable::Pair pair;
    if (c != form || (c != '[' && c != '"')) {
      problem_ =
          fmt::format("model.merges[{}] must be a pair of strings or a string, all of one form",
                      merges_.size());
      return;
    }
    if (c == '[') {
      if (!read_merge_pair(pair)) return;
    } else {
      std::string_view line;
      if (!scanner_.string(line)) return;
      if (line.starts_with("#version")) continue;
      if (!split_merge(line, pair)) return;
    }
    merges_.push_back(pair);
  }
}

std::string TokenizerScan::rest() const {
  std::string out;
  size_t begin = 0;
  for (const auto& [cut_begin, cut_end] : cuts_) {
    out += text_.substr(begin, cut_begin - begin);
    out += "null";
    begin = cut_end;
  }
  out += text_.substr(begin);
  return out;
}

}  // namespace lapidary::text
