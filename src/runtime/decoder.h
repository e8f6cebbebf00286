// One sequence being decoded: tokens in, logits out.
//
//   LAP_ASSIGN_OR_RETURN(Decoder decoder, Decoder::create(graphs, {.max_context = 4096}));
//   LAP_ASSIGN_OR_RETURN(std::span<const float> logits, decoder.prefill(Prompt(ids)));
//   while (...) {
//     const int32_t next = pick(logits);
//     LAP_ASSIGN_OR_RETURN(logits, decoder.step(std::span(&next, 1)));
//   }
//
// All buffers are made once and bound to the graphs; a decode step allocates nothing here, and
// neither logits nor caches are copied.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "runtime/chunk_plan.h"
#include "runtime/kv_cache.h"
#include "runtime/prompt.h"
#include "runtime/text_graphs.h"

namespace lapidary::runtime {

struct DecoderOptions {
  int64_t max_context = 0;  // positions the sequence may reach; 0: what the model allows
  int64_t chunk = 256;      // most tokens of a prompt in one run of the graphs
  int64_t rewind_rows = 64;
};

class Decoder {
 public:
  // Errors: kBadInput for options out of range, also a max_context beyond the model's positions.
  static Result<Decoder> create(std::shared_ptr<const TextGraphs> graphs,
                                const DecoderOptions& options);

  // Appends at most `chunk` tokens without soft ones. Returns the logits [kept, vocab_size] of the
  // last `logits_to_keep` of them (0: of all), valid until the next call. On an error the sequence
  // is as before. Errors: kBadInput for a full context or a token out of range, kInternal.
  Result<std::span<const float>> step(std::span<const int32_t> tokens, int64_t logits_to_keep = 1);

  // Appends what `prompt` has beyond the tokens held, which must be its beginning (see
  // keep_common_prefix), chunk by chunk; returns the last one's logits [vocab_size]. Where image
  // blocks attend to themselves, no chunk cuts one. Every placeholder must lie in a block. Errors:
  // as step; kBadInput when there is nothing to append, for soft tokens of a kind that the
  // embedding does not take, and for images longer than a chunk may be; kInternal for blocks that
  // do not fit the prompt; kCancelled between two chunks, which leaves the chunks done.
  Result<std::span<const float>> prefill(const Prompt& prompt, const CancelToken* cancel = nullptr);

  // Keeps what the sequence and `prompt` begin with in common, as far as the caches can go back and
  // short of the prompt's last token (whose logits are needed). Soft tokens are the same when their
  // content is. Returns the tokens kept.
  int64_t keep_common_prefix(const Prompt& prompt);
  void reset();

  // The tokens whose keys and values are held.
  std::span<const int32_t> tokens() const { return held_.ids; }
  const KvCache& cache() const { return cache_; }
  const package::TextModel& text() const { return graphs_->text; }
  int64_t chunk() const { return cache_.max_step(); }

 private:
  Decoder(std::shared_ptr<const TextGraphs> graphs, KvCache cache, ort::Binding embedding,
          ort::Binding decoder);
  Status bind_fixed();
  Status bind_tokens(int64_t count);
  Status bind_features(std::span<const SoftBlock> blocks, const Range& positions);
  Status bind_token_types(std::span<const SoftBlock> blocks, const Range& positions);
  Status bind_logits(int64_t kept);
  Status check_step(std::span<const int32_t> tokens, int64_t logits_to_keep) const;
  Status check_prompt(const Prompt& prompt) const;
  // A step; `blocks` are those of the whole prompt.
  Result<std::span<const float>> run(std::span<const int32_t> tokens, int64_t logits_to_keep,
                                     std::span<const SoftBlock> blocks);

  std::shared_ptr<const TextGraphs> graphs_;
  KvCache cache_;
  ort::Binding embedding_;
  ort::Binding decoder_;

  // Bound to the graphs by address: their elements never move.
  std::vector<int64_t> ids_;
  std::vector<float> embeds_;
  std::vector<float> per_layer_;
  std::vector<int64_t> mask_;         // ones; its length tells the graph the position
  std::vector<int64_t> scalars_;      // {logits_to_keep, sliding_window_offset}
  std::vector<int64_t> token_types_;  // empty unless the decoder takes them
  std::vector<float> image_rows_;     // of a chunk with several images
  std::vector<float> audio_rows_;
  std::vector<float> logits_;

  Prompt held_;  // its last block may be held in part
  int64_t bound_tokens_ = 0;
  int64_t bound_kept_ = 0;
  bool no_features_bound_ = false;
};

}  // namespace lapidary::runtime
