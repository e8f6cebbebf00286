// Tokens and soft tokens to what the decoder's graphs take of them, by the embedding's graph.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/chunk_plan.h"
#include "engine/prompt.h"
#include "ort/session.h"
#include "package/manifest.h"

namespace lapidary::engine {

class Embedder {
 public:
  // Room for `capacity` tokens.
  static Result<Embedder> create(const ort::Session& embedding, const package::TextModel& text,
                                 int64_t capacity);

  // Embeds `tokens`, which stand at `positions`, and fills up with padding to `rows` rows. `blocks`
  // are those of the whole prompt. Errors: kUnsupported for soft tokens of a kind that the graph
  // does not take; kInternal.
  Status run(std::span<const int32_t> tokens, int64_t rows, std::span<const SoftBlock> blocks,
             const Range& positions);

  // The rows of the last run; where they lie never changes.
  float* embeds() { return embeds_.data(); }        // [rows, hidden_size]
  float* per_layer() { return per_layer_.data(); }  // [rows, per_layer_width]

 private:
  Embedder(const ort::Session& embedding, const package::TextModel& text, ort::Binding binding,
           int64_t capacity);
  Status bind_rows(int64_t rows);
  Status bind_features(std::span<const SoftBlock> blocks, const Range& positions);

  ort::Session embedding_;
  package::TextModel text_;
  ort::Binding binding_;
  // Bound by address: their elements never move.
  std::vector<int64_t> ids_;
  std::vector<float> embeds_;
  std::vector<float> per_layer_;
  std::vector<float> image_rows_;  // of a run with several images
  std::vector<float> audio_rows_;
  int64_t bound_rows_ = 0;
  bool no_features_bound_ = false;
};

}  // namespace lapidary::engine
