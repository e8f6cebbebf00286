// Picks the next token from logits.
//
// The filters are those of Hugging Face's `generate`, in its order: repetition penalty, masked
// tokens, then (unless greedy) temperature, top-k, top-p, min-p.
//
//   Sampler sampler({.temperature = 0.7, .top_k = 40, .seed = 1}, vocab_size);
//   sampler.observe(prompt_ids);  // for the repetition penalty
//   LAP_ASSIGN_OR_RETURN(int32_t id, sampler.pick(logits, {}));
//
// The same seed, options and logits give the same tokens.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "base/result.h"

namespace lapidary::runtime {

struct SamplingOptions {
  bool greedy = false;              // the largest logit; the fields down to min_p have no meaning
  double temperature = 1.0;         // > 0
  int64_t top_k = 0;                // keep the k largest logits (and those equal); 0: all
  double top_p = 1.0;               // keep the fewest tokens whose probabilities reach it; 1: all
  double min_p = 0.0;               // keep tokens at least this likely, relative to the likeliest
  double repetition_penalty = 1.0;  // > 1 makes tokens seen before less likely; > 0
  uint64_t seed = 0;
};

// Errors: kBadInput naming the option.
Status validate(const SamplingOptions& options);

struct Candidate {
  int32_t id = 0;
  float logit = 0;         // after penalty and temperature
  double probability = 0;  // among the candidates
};

class Sampler {
 public:
  // `options` must be valid. All memory that picking needs is reserved here.
  Sampler(const SamplingOptions& options, int64_t vocab_size);

  // Tokens that the repetition penalty counts as seen.
  void observe(std::span<const int32_t> tokens);
  void observe(int32_t token) { observe(std::span(&token, 1)); }

  // Chooses among logits [vocab_size]; tokens in `masked` cannot be chosen. Does not observe the
  // choice. Errors: kInternal when no logit is a finite number.
  Result<int32_t> pick(std::span<const float> logits, std::span<const int32_t> masked);

  // The tokens that survive all filters, likeliest first. Valid until the next call.
  Result<std::span<const Candidate>> candidates(std::span<const float> logits,
                                                std::span<const int32_t> masked);

 private:
  std::span<const float> adjusted(std::span<const float> logits, std::span<const int32_t> masked);
  Status filter(std::span<const float> logits, std::span<const int32_t> masked);
  void collect(std::span<const float> logits);
  void keep_top_p();
  void keep_min_p();

  SamplingOptions options_;
  std::mt19937_64 random_;
  std::vector<char> seen_;
  std::vector<int32_t> seen_ids_;
  std::vector<float> scratch_;
  std::vector<float> heap_;
  std::vector<Candidate> candidates_;
};

// Index of the largest value, the first of equals; -1 when there is no finite maximum.
int64_t argmax(std::span<const float> values);

}  // namespace lapidary::runtime
