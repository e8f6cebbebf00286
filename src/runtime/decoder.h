// One sequence being decoded: tokens in, logits out.
//
//   LAP_ASSIGN_OR_RETURN(Decoder decoder, Decoder::create(graphs, {.max_context = 4096}));
//   LAP_ASSIGN_OR_RETURN(std::span<const float> logits, decoder.prefill(engine::Prompt(ids)));
//   for (int i = 0; i < 100; ++i) {
//     const auto next = static_cast<int32_t>(argmax(logits));  // sampler.h
//     LAP_ASSIGN_OR_RETURN(logits, decoder.step(std::span(&next, 1)));
//   }
//
// The graphs are of any length (text_graphs.h) or of fixed ones (fixed_graphs.h); a sequence is
// the same over both.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "engine/decoder_engine.h"
#include "engine/fixed_graphs.h"
#include "engine/prompt.h"
#include "engine/text_graphs.h"

namespace lapidary::runtime {

class Decoder {
 public:
  // Errors: kBadInput for options out of range, also a max_context beyond the model's positions.
  static Result<Decoder> create(std::shared_ptr<const engine::TextGraphs> graphs,
                                const engine::DecoderOptions& options);
  // The same for graphs of fixed lengths, whose own context is the most.
  static Result<Decoder> create(std::shared_ptr<const engine::FixedGraphs> graphs,
                                const engine::DecoderOptions& options);

  // Appends at most `chunk` tokens without soft ones. Returns the logits [kept, vocab_size] of the
  // last `logits_to_keep` of them (0: of all), valid until the next call. On an error the sequence
  // is as before. Errors: kBadInput for a full context or a token out of range, kInternal.
  Result<std::span<const float>> step(std::span<const int32_t> tokens, int64_t logits_to_keep = 1);

  // Appends what `prompt` has beyond the tokens held, which must be its beginning (see
  // keep_common_prefix), chunk by chunk; returns the last one's logits [vocab_size]. Where image
  // blocks attend to themselves, no chunk cuts one. Every placeholder must lie in a block. Errors:
  // as step; kBadInput when there is nothing to append, for soft tokens of a kind that the
  // embedding does not take, for images longer than a chunk may be, and, before anything runs, for
  // a token that the model has no embedding for; kInternal for blocks that
  // do not fit the prompt; kCancelled between two chunks, which leaves the chunks done. A stage
  // counted in tokens.
  Result<std::span<const float>> prefill(const engine::Prompt& prompt, const Work& work = {});

  // Keeps what the sequence and `prompt` begin with in common, as far as the caches can go back and
  // short of the prompt's last token (whose logits are needed). Soft tokens are the same when their
  // content is. Returns the tokens kept.
  int64_t keep_common_prefix(const engine::Prompt& prompt);
  void reset();

  // The tokens whose keys and values are held.
  std::span<const int32_t> tokens() const { return held_.ids; }
  const package::TextModel& text() const { return engine_->text(); }
  int64_t max_context() const { return engine_->max_context(); }
  // Most tokens of one step.
  int64_t chunk() const { return engine_->max_step(); }
  // The first position that sliding layers still hold.
  int64_t sliding_offset() const { return engine_->sliding_offset(); }

 private:
  explicit Decoder(std::unique_ptr<engine::DecoderEngine> engine);
  Status check_step(std::span<const int32_t> tokens, int64_t logits_to_keep) const;
  Status check_prompt(const engine::Prompt& prompt) const;
  // Appends `tokens`, of whose logits the last `kept` are wanted; `blocks` are those of the whole
  // prompt.
  Result<std::span<const float>> append(std::span<const int32_t> tokens, int64_t kept,
                                        std::span<const engine::SoftBlock> blocks);
  void forget_from(int64_t length);

  std::unique_ptr<engine::DecoderEngine> engine_;
  engine::Prompt held_;  // its last block may be held in part
};

}  // namespace lapidary::runtime
