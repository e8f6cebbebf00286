// A decoder's one graph for any lengths: past and present caches are the same buffers, which the
// graph appends to in place. All buffers are made once and bound; a decode step allocates nothing
// here, and neither logits nor caches are copied.
#pragma once

#include <memory>
#include <vector>

#include "engine/decoder_engine.h"
#include "engine/embedder.h"
#include "engine/kv_cache.h"
#include "engine/text_graphs.h"

namespace lapidary::engine {

class DynamicEngine final : public DecoderEngine {
 public:
  // Errors: kBadInput for options out of range, also a max_context beyond the model's positions.
  static Result<std::unique_ptr<DecoderEngine>> create(std::shared_ptr<const TextGraphs> graphs,
                                                       const DecoderOptions& options);

  const package::TextModel& text() const override { return graphs_->text; }
  int64_t max_context() const override { return cache_.max_context(); }
  int64_t max_step() const override { return cache_.max_step(); }
  int64_t size() const override { return cache_.size(); }
  int64_t sliding_offset() const override { return cache_.sliding_offset(); }
  Result<std::span<const float>> append(std::span<const int32_t> tokens, int64_t kept,
                                        std::span<const SoftBlock> blocks) override;
  int64_t truncate(int64_t length) override { return cache_.truncate(length); }

 private:
  DynamicEngine(std::shared_ptr<const TextGraphs> graphs, KvCache cache, Embedder embedder,
                ort::Binding decoder);
  Status bind_fixed();
  Status bind_tokens(int64_t count);
  Status bind_token_types(std::span<const SoftBlock> blocks, const Range& positions);
  Status bind_logits(int64_t kept);

  std::shared_ptr<const TextGraphs> graphs_;
  KvCache cache_;
  Embedder embedder_;
  ort::Binding decoder_;

  // Bound to the graph by address: their elements never move.
  std::vector<int64_t> mask_;         // ones; its length tells the graph the position
  std::vector<int64_t> scalars_;      // {logits_to_keep, sliding_window_offset}
  std::vector<int64_t> token_types_;  // empty unless the decoder takes them
  std::vector<float> logits_;

  int64_t bound_tokens_ = 0;
  int64_t bound_kept_ = 0;
};

}  // namespace lapidary::engine
