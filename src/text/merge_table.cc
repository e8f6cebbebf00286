#include "text/merge_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "base/parallel.h"
#include "base/utf8.h"

namespace lapidary::text {
namespace {

Error unknown_part(const std::string& where, size_t rank, const MergeTable::Pair& pair,
                   const std::string& token) {
  return bad_input(
      where,
      fmt::format("model.merges[{}] ('{}', '{}') needs token '{}', which model.vocab does not have",
                  rank, pair.left, pair.right, token));
}

}  // namespace

Status MergeTable::resolve(std::span<const Pair> pairs, size_t first_rank,
                           const Vocabulary& vocabulary, const std::string& where,
                           std::span<Resolved> out) {
  constexpr size_t kBatch = 32;
  uint64_t hashes[kBatch][3];
  std::string joined[kBatch];
  for (size_t begin = 0; begin < pairs.size(); begin += kBatch) {
    const size_t count = std::min(kBatch, pairs.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      const Pair& pair = pairs[begin + i];
      joined[i].assign(pair.left).append(pair.right);
      hashes[i][0] = Vocabulary::hash(pair.left);
      hashes[i][1] = Vocabulary::hash(pair.right);
      hashes[i][2] = Vocabulary::hash(joined[i]);
      for (const uint64_t h : hashes[i]) vocabulary.prefetch_slot(h);
    }
    for (size_t i = 0; i < count; ++i) {
      for (const uint64_t h : hashes[i]) vocabulary.prefetch_text(h);
    }
    for (size_t i = 0; i < count; ++i) {
      const Pair& pair = pairs[begin + i];
      const size_t rank = first_rank + begin + i;
      if (pair.left.empty() || pair.right.empty()) {
        return bad_input(where, fmt::format("model.merges[{}] has an empty part", rank));
      }
      const int32_t left = vocabulary.find(pair.left, hashes[i][0]);
      if (left < 0) return unknown_part(where, rank, pair, std::string(pair.left));
      const int32_t right = vocabulary.find(pair.right, hashes[i][1]);
      if (right < 0) return unknown_part(where, rank, pair, std::string(pair.right));
      const int32_t id = vocabulary.find(joined[i], hashes[i][2]);
      if (id < 0) return unknown_part(where, rank, pair, joined[i]);
      out[begin + i] = {key_of(left, right), id,
                        filter_bit(last_char(pair.left), first_char(pair.right))};
    }
  }
  return {};
}

void MergeTable::insert(std::span<const Resolved> merges) {
  constexpr size_t kAhead = 16;
  for (size_t n = 0; n < merges.size(); ++n) {
    if (n + kAhead < merges.size()) {
      __builtin_prefetch(&slots_[mix(merges[n + kAhead].key) >> shift_], 1);
    }
    const Resolved& merge = merges[n];
    uint64_t i = mix(merge.key) >> shift_;
    while (slots_[i].key != merge.key && slots_[i].key != kEmpty) i = (i + 1) & mask_;
    size_ += slots_[i].key == kEmpty ? 1 : 0;
    slots_[i] = {merge.key, {static_cast<int32_t>(n), merge.id}};
    filter_[merge.filter_bit >> 6] |= uint64_t{1} << (merge.filter_bit & 63u);
  }
}

Result<MergeTable> MergeTable::build(std::span<const Pair> pairs, const Vocabulary& vocabulary,
                                     const std::string& where) {
  std::vector<Resolved> resolved(pairs.size());
  constexpr size_t kChunk = 16384;
  LAP_RETURN_IF_ERROR(parallel_for((pairs.size() + kChunk - 1) / kChunk, [&](size_t chunk) {
    const size_t begin = chunk * kChunk;
    const size_t count = std::min(kChunk, pairs.size() - begin);
    return resolve(pairs.subspan(begin, count), begin, vocabulary, where,
                   std::span(resolved).subspan(begin, count));
  }));

  MergeTable out;
  out.slots_.resize(std::bit_ceil(std::max<size_t>(16, 2 * pairs.size())));
  out.mask_ = out.slots_.size() - 1;
  out.shift_ = 64 - std::countr_zero(out.slots_.size());
  out.filter_.resize((size_t{1} << kFilterBits) / 64);
  out.insert(resolved);
  return out;
}

}  // namespace lapidary::text
