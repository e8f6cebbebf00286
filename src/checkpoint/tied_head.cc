#include "checkpoint/tied_head.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <map>

namespace lapidary::checkpoint {
namespace {

// Of a tensor no larger than all samples, all bytes are compared.
constexpr int64_t kSampleBytes = 4 << 10;
constexpr int64_t kSamples = 64;

std::string equal_note() {
  return fmt::format("'{}' is equal to '{}', which config.json ties it to: passed over",
                     kHeadTensor, kTableTensor);
}

std::string sampled_note() {
  return fmt::format(
      "'{}' is equal to '{}', which config.json ties it to, in {} samples: passed over if a build, "
      "which compares all of them, finds no other difference",
      kHeadTensor, kTableTensor, kSamples);
}

std::string different_note() {
  return fmt::format(
      "'{}' is not equal to '{}', although config.json ties them: each is used as it is, and the "
      "head takes room of its own (\"tie_word_embeddings\": false in config.json says so)",
      kHeadTensor, kTableTensor);
}

// Whether the weight is a tensor of the files as it is, so that bytes can be compared.
bool is_as_stored(const StoredTensors& stored, const Weight& weight) {
  const TensorEntry* entry = stored.find(weight.stored_as);
  if (entry == nullptr || entry->type != weight.value.type()) return false;
  const auto as_stored = stored.tensor(weight.stored_as);
  return as_stored.ok() && as_stored->describe() == weight.value.describe();
}

Result<bool> equal_in_samples(const StoredTensors& stored, const std::string& a,
                              const std::string& b) {
  const int64_t bytes = stored.find(a)->type.bytes();
  const bool whole = bytes <= kSamples * kSampleBytes;
  const int64_t count = whole ? 1 : kSamples;
  std::vector<std::byte> of_a(static_cast<size_t>(whole ? bytes : kSampleBytes));
  std::vector<std::byte> of_b(of_a.size());
  for (int64_t i = 0; i < count; ++i) {
    // From the first bytes to the last.
    const int64_t at = whole ? 0 : (bytes - kSampleBytes) * i / (kSamples - 1);
    LAP_RETURN_IF_ERROR(stored.read(a, at, of_a));
    LAP_RETURN_IF_ERROR(stored.read(b, at, of_b));
    if (of_a != of_b) return false;
  }
  return true;
}

}  // namespace

Result<HeadState> settle_head(const StoredTensors& stored, Config& config, Weights& weights,
                              std::vector<std::string>& notes) {
  const Weight* head = weights.find(kHeadTensor);
  const Weight* table = weights.find(kTableTensor);
  if (!config.tie_word_embeddings || head == nullptr) return HeadState::kSettled;
  if (table == nullptr) {
    weights.set(kTableTensor, *head);
    weights.erase(kHeadTensor);
    notes.push_back(fmt::format("'{}' is missing, and config.json ties '{}' to it: used for both",
                                kTableTensor, kHeadTensor));
    return HeadState::kSettled;
  }
  // check_tensors names it.
  if (head->value.shape() != table->value.shape()) return HeadState::kSettled;

  // In doubt both are used: a head of its own costs room, never an answer.
  bool equal = false;
  if (head->value.type() == table->value.type() && is_as_stored(stored, *head) &&
      is_as_stored(stored, *table)) {
    LAP_ASSIGN_OR_RETURN(equal, equal_in_samples(stored, head->stored_as, table->stored_as));
  }
  if (!equal) {
    config.tie_word_embeddings = false;
    notes.push_back(different_note());
    return HeadState::kSettled;
  }
  const bool whole = head->value.bytes() <= kSamples * kSampleBytes;
  notes.push_back(whole ? equal_note() : sampled_note());
  return whole ? HeadState::kSettled : HeadState::kEqualInSamples;
}

Status settle_head_whole(const StoredTensors& stored, const Weights& weights, const Work& work,
                         Config& config, std::vector<std::string>& notes) {
  const std::string& head = weights.find(kHeadTensor)->stored_as;
  const std::string& table = weights.find(kTableTensor)->stored_as;
  // The same dtype and shape, so the same blocks: equal hashes are equal bytes.
  LAP_ASSIGN_OR_RETURN(const auto hashes, stored.tensor_hashes({head, table}, work));
  const bool equal = hashes.at(head) == hashes.at(table);
  if (!equal) config.tie_word_embeddings = false;
  std::replace(notes.begin(), notes.end(), sampled_note(), equal ? equal_note() : different_note());
  return {};
}

}  // namespace lapidary::checkpoint
