// The model's vocabulary: token <-> id. Tokens lie one after another in one buffer; a token is
// found with an open-addressing table of (hash, id, place in that buffer).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lapidary::text {

class Vocabulary {
 public:
  struct Entry {
    std::string_view token;
    int64_t id;
  };

  // Ids must lie in [0, kMaxId]; gaps are allowed.
  static constexpr int64_t kMaxId = (1 << 24) - 1;

  // Copies the tokens. Errors (`where` names the file): an id out of range, a token or an id twice.
  static Result<Vocabulary> build(std::span<const Entry> entries, const std::string& where);

  // Number of tokens.
  size_t size() const { return size_; }
  // One more than the largest id.
  int32_t id_limit() const { return static_cast<int32_t>(spans_.size()); }
  bool contains(int32_t id) const {
    return id >= 0 && id < id_limit() && spans_[static_cast<size_t>(id)].offset != kAbsent;
  }
  // The id of `token`, or -1.
  int32_t find(std::string_view token) const { return find(token, hash(token)); }
  // The token of an id that is contained.
  std::string_view token(int32_t id) const {
    const Span span = spans_[static_cast<size_t>(id)];
    return std::string_view(characters_).substr(span.offset, span.length);
  }

  // For batches: a lookup misses the cache twice, in the table and in the tokens' text. Computing
  // all hashes first, then fetching ahead in two rounds, hides most of that.
  static uint64_t hash(std::string_view token);
  void prefetch_slot(uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }
  void prefetch_text(uint64_t hash) const {
    __builtin_prefetch(characters_.data() + slots_[hash & mask_].offset);
  }
  int32_t find(std::string_view token, uint64_t hash) const;

 private:
  static constexpr uint32_t kAbsent = ~0u;
  struct Span {
    uint32_t offset = kAbsent;
    uint32_t length = 0;
  };
  struct Slot {
    uint32_t tag = 0;
    int32_t id = -1;
    uint32_t offset = 0;  // the token's text once more: saves a third miss
    uint32_t length = 0;
  };

  size_t size_ = 0;
  std::string characters_;
  std::vector<Span> spans_;  // by id
  std::vector<Slot> slots_;  // a power of two, at most half full
  uint64_t mask_ = 0;
};

}  // namespace lapidary::text
