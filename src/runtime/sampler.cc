#include "runtime/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

namespace lapidary::runtime {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// The largest value. Written over lanes because the compiler may not reorder a plain maximum.
float maximum(std::span<const float> values) {
  constexpr size_t kLanes = 32;
  std::array<float, kLanes> lanes;
  lanes.fill(kMinusInfinity);
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) {
      lanes[j] = values[i + j] > lanes[j] ? values[i + j] : lanes[j];
    }
  }
  float largest = kMinusInfinity;
  for (const float lane : lanes) largest = std::max(largest, lane);
  for (; i < values.size(); ++i) largest = values[i] > largest ? values[i] : largest;
  return largest;
}

bool likelier(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}
bool less_likely(const Candidate& a, const Candidate& b) { return likelier(b, a); }

// The k-th largest value: a heap of the k largest so far. k is small against the vocabulary.
float kth_largest(std::span<const float> values, size_t k, std::vector<float>& heap) {
  heap.assign(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(k));
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  for (const float value : values.subspan(k)) {
    if (!(value > heap.front())) continue;
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.back() = value;
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  }
  return heap.front();
}

Error not_finite() {
  return internal_error("logits", "the decoder returned no finite logit",
                        "verify the package and, if it is sound, report this as a bug");
}

}  // namespace

int64_t argmax(std::span<const float> values) {
  const float largest = maximum(values);
  if (!std::isfinite(largest)) return -1;
  return std::find(values.begin(), values.end(), largest) - values.begin();
}

Status validate(const SamplingOptions& options) {
  const auto check = [](bool good, const char* name, const char* rule) -> Status {
    if (good) return {};
    return bad_input(name, std::string("must be ") + rule);
  };
  // Written so that NaN fails.
  LAP_RETURN_IF_ERROR(check(options.temperature > 0 && std::isfinite(options.temperature),
                            "temperature", "greater than 0 (use greedy for the likeliest token)"));
  LAP_RETURN_IF_ERROR(check(options.top_k >= 0, "top-k", "0 (off) or greater"));
  LAP_RETURN_IF_ERROR(check(options.top_p >= 0 && options.top_p <= 1, "top-p", "in [0, 1]"));
  LAP_RETURN_IF_ERROR(check(options.min_p >= 0 && options.min_p <= 1, "min-p", "in [0, 1]"));
  return check(options.repetition_penalty > 0 && std::isfinite(options.repetition_penalty),
               "repetition-penalty", "greater than 0");
}

Sampler::Sampler(const SamplingOptions& options, int64_t vocab_size)
    : options_(options), random_(options.seed) {
  const auto vocab = static_cast<size_t>(vocab_size);
  if (options_.repetition_penalty != 1.0) seen_.resize(vocab);
  scratch_.resize(vocab);
  if (options_.greedy) return;
  const auto top_k = static_cast<size_t>(options_.top_k);
  if (top_k > 0 && top_k < vocab) heap_.reserve(top_k);
  candidates_.reserve(vocab);
}

void Sampler::observe(std::span<const int32_t> tokens) {
  if (seen_.empty()) return;
  for (const int32_t token : tokens) {
    char& seen = seen_[static_cast<size_t>(token)];
    if (seen == 0) seen_ids_.push_back(token);
    seen = 1;
  }
}

// Logits after the penalty and the mask; a copy only when there is something to change.
std::span<const float> Sampler::adjusted(std::span<const float> logits,
                                         std::span<const int32_t> masked) {
  if (seen_ids_.empty() && masked.empty()) return logits;
  std::copy(logits.begin(), logits.end(), scratch_.begin());
  const auto penalty = static_cast<float>(options_.repetition_penalty);
  for (const int32_t id : seen_ids_) {
    float& logit = scratch_[static_cast<size_t>(id)];
    logit = logit < 0 ? logit * penalty : logit / penalty;
  }
  for (const int32_t id : masked) {
    if (id >= 0 && static_cast<size_t>(id) < scratch_.size()) {
      scratch_[static_cast<size_t>(id)] = kMinusInfinity;
    }
  }
  return scratch_;
}

// Candidates after temperature and top-k, in order of id.
void Sampler::collect(std::span<const float> logits) {
  candidates_.clear();
  const auto top_k = static_cast<size_t>(options_.top_k);
  const bool all = top_k == 0 || top_k >= logits.size();
  const float threshold = all ? kMinusInfinity : kth_largest(logits, top_k, heap_);
  const auto temperature = static_cast<float>(options_.temperature);
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= threshold && logits[i] > kMinusInfinity) {
      candidates_.push_back({static_cast<int32_t>(i), logits[i] / temperature, 0});
    }
  }
  const float largest =
      candidates_.empty()
          ? 0
          : std::max_element(candidates_.begin(), candidates_.end(), less_likely)->logit;
  double sum = 0;
  for (Candidate& c : candidates_) {
    c.probability = std::exp(static_cast<double>(c.logit) - static_cast<double>(largest));
    sum += c.probability;
  }
  for (Candidate& c : candidates_) c.probability /= sum;
}

// A token stays while those likelier than it sum to less than top_p. Only as much of the
// vocabulary is sorted as is kept.
void Sampler::keep_top_p() {
  if (options_.top_p >= 1) return;
  std::make_heap(candidates_.begin(), candidates_.end(), less_likely);
  auto end = candidates_.end();
  double before = 0;
  while (end != candidates_.begin() && (before < options_.top_p || end == candidates_.end())) {
    std::pop_heap(candidates_.begin(), end, less_likely);
    --end;
    before += end->probability;
  }
  candidates_.erase(candidates_.begin(), end);
}

void Sampler::keep_min_p() {
  if (options_.min_p <= 0) return;
  double largest = 0;
  for (const Candidate& c : candidates_) largest = std::max(largest, c.probability);
  std::erase_if(candidates_,
                [&](const Candidate& c) { return c.probability < options_.min_p * largest; });
}

// Leaves the survivors in candidates_, in an order that depends on the logits only.
Status Sampler::filter(std::span<const float> logits, std::span<const int32_t> masked) {
  const std::span<const float> scores = adjusted(logits, masked);
  if (argmax(scores) < 0) return not_finite();
  collect(scores);
  keep_top_p();
  keep_min_p();
  double sum = 0;
  for (const Candidate& c : candidates_) sum += c.probability;
  for (Candidate& c : candidates_) c.probability /= sum;
  return {};
}

Result<std::span<const Candidate>> Sampler::candidates(std::span<const float> logits,
                                                       std::span<const int32_t> masked) {
  LAP_RETURN_IF_ERROR(filter(logits, masked));
  std::sort(candidates_.begin(), candidates_.end(), likelier);
  return std::span<const Candidate>(candidates_);
}

Result<int32_t> Sampler::pick(std::span<const float> logits, std::span<const int32_t> masked) {
  if (options_.greedy) {
    const int64_t best = argmax(adjusted(logits, masked));
    if (best < 0) return not_finite();
    return static_cast<int32_t>(best);
  }
  LAP_RETURN_IF_ERROR(filter(logits, masked));
  // 53 random bits: the standard library's distributions differ between implementations.
  double rest = static_cast<double>(random_() >> 11) * 0x1.0p-53;
  for (const Candidate& c : candidates_) {
    rest -= c.probability;
    if (rest < 0) return c.id;
  }
  return candidates_.back().id;
}

}  // namespace lapidary::runtime
