// First reading of a tokenizer.json: the vocabulary and the merges, which are all but a few percent
// of the file, are taken out by a scanner; what is left is small and read as an ordinary document.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_scanner.h"
#include "text/merge_table.h"
#include "text/vocabulary.h"

namespace lapidary::text {

class TokenizerScan {
 public:
  explicit TokenizerScan(std::string_view text);

  // Reads on until model.vocab has been read or the text ends. The vocabulary does not change any
  // more after the call that read it, so it may be used by another thread during the next.
  void advance();
  bool done() const { return done_; }
  bool has_vocabulary() const { return has_vocabulary_; }
  bool has_merges() const { return has_merges_; }
  // Empty while all is well.
  std::string problem() const { return problem_.empty() ? scanner_.problem() : problem_; }

  // Views into the text and into this object.
  const std::vector<Vocabulary::Entry>& vocabulary() const { return vocabulary_; }
  const std::vector<MergeTable::Pair>& merges() const { return merges_; }
  // The text with null in place of the vocabulary and the merges.
  std::string rest() const;

 private:
  void read_model_key(std::string_view key);
  void read_vocabulary();
  void read_merges();
  bool read_merge_pair(MergeTable::Pair& pair);
  bool split_merge(std::string_view text, MergeTable::Pair& pair);

  std::string_view text_;
  JsonScanner scanner_;
  bool in_model_ = false;
  bool done_ = false;
  bool has_vocabulary_ = false;
  bool has_merges_ = false;
  std::string problem_;
  std::vector<Vocabulary::Entry> vocabulary_;
  std::vector<MergeTable::Pair> merges_;
  std::vector<std::pair<size_t, size_t>> cuts_;
};

}  // namespace lapidary::text
