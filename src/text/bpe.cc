#include "text/bpe.h"

#include <limits>
#include <queue>
#include <utility>

#include "base/utf8.h"

namespace lapidary::text {
namespace {

constexpr int32_t kNoRank = std::numeric_limits<int32_t>::max();
// Above this many symbols a heap beats scanning for the lowest rank.
constexpr size_t kScanLimit = 48;

struct Symbol {
  int32_t id;  // -1: merged into its left neighbour
  int32_t previous;
  int32_t next;
};

struct Candidate {
  int32_t rank;
  int32_t position;
  int32_t left, right;  // ids when the candidate was made; if they changed since, it is stale
  int32_t merged;
};

struct LowestRankLeftmost {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  }
};

void merge_segment(const MergeTable& merges, std::vector<int32_t>& symbols,
                   std::vector<int32_t>& out) {
  if (symbols.size() <= kScanLimit) {
    merge_by_scan(merges, symbols, out);
  } else {
    merge_by_heap(merges, symbols, out);
  }
  symbols.clear();
}

}  // namespace

void merge_by_scan(const MergeTable& merges, std::vector<int32_t>& symbols,
                   std::vector<int32_t>& out) {
  thread_local std::vector<Merge> candidates;  // [i]: the merge of symbols i and i + 1
  const auto lookup = [&](size_t i) {
    Merge merge = merges.find(symbols[i], symbols[i + 1]);
    if (merge.rank < 0) merge.rank = kNoRank;
    return merge;
  };
  candidates.clear();
  for (size_t i = 0; i + 1 < symbols.size(); ++i) candidates.push_back(lookup(i));
  while (!candidates.empty()) {
    size_t best = 0;
    for (size_t i = 1; i < candidates.size(); ++i) {
      if (candidates[i].rank < candidates[best].rank) best = i;
    }
    if (candidates[best].rank == kNoRank) break;
    const auto at = static_cast<std::ptrdiff_t>(best);
    symbols[best] = candidates[best].id;
    symbols.erase(symbols.begin() + at + 1);
    candidates.erase(candidates.begin() + at);
    if (best > 0) candidates[best - 1] = lookup(best - 1);
    if (best < candidates.size()) candidates[best] = lookup(best);
  }
  out.insert(out.end(), symbols.begin(), symbols.end());
}

void merge_by_heap(const MergeTable& merges, std::span<const int32_t> ids,
                   std::vector<int32_t>& out) {
  std::vector<Symbol> symbols(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    symbols[i] = {ids[i], static_cast<int32_t>(i) - 1,
                  i + 1 < ids.size() ? static_cast<int32_t>(i) + 1 : -1};
  }
  std::vector<Candidate> storage;
  const auto consider = [&](int32_t position, auto&& put) {
    const Symbol& left = symbols[static_cast<size_t>(position)];
    if (left.next < 0) return;
    const int32_t right = symbols[static_cast<size_t>(left.next)].id;
    const Merge merge = merges.find(left.id, right);
    if (merge.rank >= 0) put(Candidate{merge.rank, position, left.id, right, merge.id});
  };
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    consider(static_cast<int32_t>(i), [&](Candidate c) { storage.push_back(c); });
  }
  std::priority_queue queue(LowestRankLeftmost{}, std::move(storage));
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    Symbol& left = symbols[static_cast<size_t>(top.position)];
    if (left.id != top.left || left.next < 0) continue;
    Symbol& right = symbols[static_cast<size_t>(left.next)];
    if (right.id != top.right) continue;
    left.id = top.merged;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = top.position;
    const auto push = [&](Candidate c) { queue.push(c); };
    if (left.previous >= 0) consider(left.previous, push);
    consider(top.position, push);
  }
  for (const Symbol& symbol : symbols) {
    if (symbol.id >= 0) out.push_back(symbol.id);
  }
}

BpeModel::BpeModel(Vocabulary vocabulary, MergeTable merges, BpeOptions options)
    : vocabulary_(std::move(vocabulary)),
      merges_(std::move(merges)),
      options_(options),
      plane0_(0x10000, -1) {
  for (int32_t id = 0; id < vocabulary_.id_limit(); ++id) {
    if (!vocabulary_.contains(id)) continue;
    const std::string_view token = vocabulary_.token(id);
    if (token.empty() || token.size() > 3 || token.size() != utf8_length(token[0])) continue;
    plane0_[first_char(token)] = id;
  }
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (size_t byte = 0; byte < 256; ++byte) {
    const char name[] = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15u], '>'};
    byte_tokens_[byte] = vocabulary_.find({name, sizeof(name)});
  }
}

int32_t BpeModel::character_id(char32_t character, std::string_view bytes) const {
  return character < 0x10000 ? plane0_[character] : vocabulary_.find(bytes);
}

bool BpeModel::append_bytes(std::string_view bytes, std::vector<int32_t>& symbols) const {
  for (const char byte : bytes) {
    if (byte_tokens_[static_cast<unsigned char>(byte)] < 0) return false;
  }
  for (const char byte : bytes) symbols.push_back(byte_tokens_[static_cast<unsigned char>(byte)]);
  return true;
}

void BpeModel::encode(std::string_view text, std::vector<int32_t>& out) const {
  if (options_.ignore_merges) {
    if (const int32_t id = vocabulary_.find(text); id >= 0) {
      out.push_back(id);
      return;
    }
  }
  std::vector<int32_t> symbols;
  // Whether the last symbol is a character of the vocabulary, and which one: text is cut between
  // two such only, because a cut beside an unknown character could part a run that is fused.
  bool after_known = false;
  char32_t previous = 0;
  bool unknown_pending = false;
  for (size_t i = 0; i < text.size();) {
    const std::string_view bytes = text.substr(i, utf8_length(text[i]));
    i += bytes.size();
    const char32_t character = first_char(bytes);
    const int32_t id = character_id(character, bytes);
    if (id >= 0) {
      if (unknown_pending) {
        symbols.push_back(*options_.unknown_id);
      } else if (after_known && !merges_.may_join(previous, character)) {
        merge_segment(merges_, symbols, out);
      }
      unknown_pending = false;
      symbols.push_back(id);
      after_known = true;
      previous = character;
      continue;
    }
    // A pending unknown token comes after the byte tokens that follow it: the reference does so.
    if (options_.byte_fallback && append_bytes(bytes, symbols)) {
      after_known = false;
    } else if (options_.unknown_id) {
      if (unknown_pending && !options_.fuse_unknown) symbols.push_back(*options_.unknown_id);
      unknown_pending = true;
      after_known = false;
    }
  }
  if (unknown_pending) symbols.push_back(*options_.unknown_id);
  if (!symbols.empty()) merge_segment(merges_, symbols, out);
}

}  // namespace lapidary::text
