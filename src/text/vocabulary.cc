#include "text/vocabulary.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace lapidary::text {

uint64_t Vocabulary::hash(std::string_view token) {
  return XXH3_64bits(token.data(), token.size());
}

int32_t Vocabulary::find(std::string_view token, uint64_t hash) const {
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (uint64_t i = hash & mask_;; i = (i + 1) & mask_) {
    const Slot& slot = slots_[i];
    if (slot.id < 0) return -1;
    if (slot.tag == tag && slot.length == token.size() &&
        std::memcmp(characters_.data() + slot.offset, token.data(), token.size()) == 0) {
      return slot.id;
    }
  }
}

Result<Vocabulary> Vocabulary::build(std::span<const Entry> entries, const std::string& where) {
  Vocabulary out;
  int64_t max_id = -1;
  size_t bytes = 0;
  for (const Entry& entry : entries) {
    if (entry.id < 0 || entry.id > kMaxId) {
      return bad_input(where, "token '" + std::string(entry.token) + "' has id " +
                                  std::to_string(entry.id) + ", outside 0 to " +
                                  std::to_string(kMaxId));
    }
    max_id = std::max(max_id, entry.id);
    bytes += entry.token.size();
  }
  if (bytes >= kAbsent) return bad_input(where, "the vocabulary's text exceeds 4 GB");
  out.characters_.reserve(bytes);
  out.spans_.resize(static_cast<size_t>(max_id + 1));
  out.slots_.resize(std::bit_ceil(std::max<size_t>(16, 2 * entries.size())));
  out.mask_ = out.slots_.size() - 1;
  out.size_ = entries.size();

  constexpr size_t kAhead = 8;
  std::vector<uint64_t> hashes(entries.size());
  for (size_t n = 0; n < entries.size() + kAhead; ++n) {
    if (n < entries.size()) {
      hashes[n] = hash(entries[n].token);
      out.prefetch_slot(hashes[n]);
    }
    if (n < kAhead) continue;
    const Entry& entry = entries[n - kAhead];
    const uint64_t h = hashes[n - kAhead];
    if (out.find(entry.token, h) >= 0) {
      return bad_input(where, "token '" + std::string(entry.token) + "' appears twice");
    }
    Span& span = out.spans_[static_cast<size_t>(entry.id)];
    if (span.offset != kAbsent) {
      return bad_input(where, "id " + std::to_string(entry.id) + " is given to both '" +
                                  std::string(out.token(static_cast<int32_t>(entry.id))) +
                                  "' and '" + std::string(entry.token) + "'");
    }
    span = {static_cast<uint32_t>(out.characters_.size()),
            static_cast<uint32_t>(entry.token.size())};
    out.characters_ += entry.token;
    uint64_t i = h & out.mask_;
    while (out.slots_[i].id >= 0) i = (i + 1) & out.mask_;
    out.slots_[i] = {static_cast<uint32_t>(h >> 32), static_cast<int32_t>(entry.id), span.offset,
                     span.length};
  }
  return out;
}

}  // namespace lapidary::text
