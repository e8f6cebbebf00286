// Byte pair encoding: one piece of normalized text to ids.
//
// A piece becomes one symbol per character (its id; else, with byte fallback, one token per UTF-8
// byte; else the unknown token), then the adjacent pair of lowest rank is merged, leftmost first,
// until no pair merges. Gemma does not split text into words, so a piece can be a whole document:
// it is cut where no merge can ever join two characters (MergeTable::may_join), short stretches are
// merged by scanning, long ones with a heap in O(n log n).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "text/merge_table.h"
#include "text/vocabulary.h"

namespace lapidary::text {

struct BpeOptions {
  std::optional<int32_t> unknown_id;  // absent: characters without a token vanish
  bool fuse_unknown = false;          // a run of unknown characters becomes one token
  bool byte_fallback = false;
  bool ignore_merges = false;  // a piece that is a token as a whole is that token
};

class BpeModel {
 public:
  BpeModel(Vocabulary vocabulary, MergeTable merges, BpeOptions options);

  // Appends the ids of `text` (valid UTF-8) to `out`.
  void encode(std::string_view text, std::vector<int32_t>& out) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const MergeTable& merges() const { return merges_; }

 private:
  int32_t character_id(char32_t character, std::string_view bytes) const;
  bool append_bytes(std::string_view bytes, std::vector<int32_t>& symbols) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  BpeOptions options_;
  std::vector<int32_t> plane0_;           // ids of the characters below U+10000
  std::array<int32_t, 256> byte_tokens_;  // ids of <0x00> to <0xFF>
};

// The two ways to merge `symbols` in place and append the result to `out`; they agree.
void merge_by_scan(const MergeTable& merges, std::vector<int32_t>& symbols,
                   std::vector<int32_t>& out);
void merge_by_heap(const MergeTable& merges, std::span<const int32_t> ids,
                   std::vector<int32_t>& out);

}  // namespace lapidary::text
