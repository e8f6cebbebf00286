// The merges of a BPE model: (left id, right id) -> (rank, merged id), rank 0 first.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/vocabulary.h"

namespace lapidary::text {

struct Merge {
  int32_t rank = -1;  // -1: the pair does not merge
  int32_t id = -1;
};

class MergeTable {
 public:
  struct Pair {
    std::string_view left, right;
  };

  // `pairs` in order of rank. A pair given twice counts with its last rank, as in the reference.
  // Errors: an empty part; a part or the merged token that is not in the vocabulary.
  static Result<MergeTable> build(std::span<const Pair> pairs, const Vocabulary& vocabulary,
                                  const std::string& where);

  Merge find(int32_t left, int32_t right) const {
    const uint64_t key = key_of(left, right);
    for (uint64_t i = mix(key) >> shift_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.key == key) return slot.merge;
      if (slot.key == kEmpty) return {};
    }
  }

  // False: no merge ever joins a token that ends with `left` to one that starts with `right`, so
  // text may be cut between the two without changing its tokens. True: perhaps one does.
  bool may_join(char32_t left, char32_t right) const {
    const uint32_t bit = filter_bit(left, right);
    return ((filter_[bit >> 6] >> (bit & 63u)) & 1u) != 0;
  }

  size_t size() const { return size_; }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  static constexpr int kFilterBits = 21;  // 256 KB
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  struct Resolved {
    uint64_t key;
    int32_t id;
    uint32_t filter_bit;
  };

  static uint64_t key_of(int32_t left, int32_t right) {
    return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) |
           static_cast<uint32_t>(right);
  }
  static uint64_t mix(uint64_t key) {
    key *= 0x9e3779b97f4a7c15u;
    key ^= key >> 32;
    return key * 0xd6e8feb86659fd93u;
  }
  static uint32_t filter_bit(char32_t left, char32_t right) {
    return static_cast<uint32_t>(
        mix((static_cast<uint64_t>(left) << 32) | static_cast<uint64_t>(right)) >>
        (64 - kFilterBits));
  }
  static Status resolve(std::span<const Pair> pairs, size_t first_rank,
                        const Vocabulary& vocabulary, const std::string& where,
                        std::span<Resolved> out);
  void insert(std::span<const Resolved> merges);

  size_t size_ = 0;
  std::vector<Slot> slots_;
  uint64_t mask_ = 0;
  int shift_ = 0;
  std::vector<uint64_t> filter_;
};

}  // namespace lapidary::text
