// A decoder of fixed lengths: a prompt's tokens but the last go through the prefill graphs, chunk
// by chunk, the last chunk filled up with padding that nobody sees; the last token and every one of
// the reply go through the decode graphs. The host keeps keys and values (fixed_caches.h), writes
// masks and rotary tables, and embeds.
//
// The ports that the graphs may have, with s tokens in a run and p past rows (cache_rows.h):
//   inputs_embeds [1, s, hidden]                per_layer_inputs [1, s, per_layer_width]
//   attention_mask.K [1, 1, s, p + s]           rotary_emb.K.cos, .sin [1, s, pairs]
//                                               K: sliding_attention, full_attention
//   past_key_values.N.key, .value [1, n, p, d]  -> present.N.key, .value [1, n, s, d]
//   -> logits [1, 1, vocab] of the decode graphs
// and what one part of a role hands to the next, of any name. The type of each is its own
// (port_codec.h), but past and present of a cache have one, the same in both roles.
#pragma once

#include <memory>
#include <vector>

#include "engine/decoder_engine.h"
#include "engine/embedder.h"
#include "engine/fixed_caches.h"
#include "engine/fixed_chain.h"
#include "engine/fixed_graphs.h"

namespace lapidary::engine {

class FixedEngine final : public DecoderEngine {
 public:
  // A chunk is what the graphs were made for, of which DecoderOptions::chunk may leave some unused.
  // Errors: kBadInput for options out of range, also a max_context beyond the graphs' own, and for
  // graphs that are not as above, naming file and port; kUnsupported for images that attend to
  // themselves.
  static Result<std::unique_ptr<DecoderEngine>> create(std::shared_ptr<const FixedGraphs> graphs,
                                                       const DecoderOptions& options);

  const package::TextModel& text() const override { return graphs_->text; }
  int64_t max_context() const override { return max_context_; }
  int64_t max_step() const override { return max_step_; }
  int64_t size() const override { return caches_.size(); }
  int64_t sliding_offset() const override { return caches_.sliding_offset(); }
  Result<std::span<const float>> append(std::span<const int32_t> tokens, int64_t kept,
                                        std::span<const SoftBlock> blocks) override;
  int64_t truncate(int64_t length) override { return caches_.truncate(length); }

 private:
  struct Mask {
    FixedBuffer* buffer = nullptr;
    bool sliding = false;
  };
  struct Rotary {
    const package::RotaryKind* kind = nullptr;
    FixedBuffer* cos = nullptr;  // either may be null: a part that has no use for it
    FixedBuffer* sin = nullptr;
  };
  // One role, ready to run.
  struct Runner {
    contract::Role role;
    int64_t length;  // tokens of a run
    Embedder embedder;
    FixedChain chain;
    FixedBuffer* embeds;
    FixedBuffer* per_layer;  // null: these graphs do not read it
    std::vector<Mask> masks;
    std::vector<Rotary> rotary;
    std::vector<const std::byte*> present;  // of each tensor of the caches
    FixedBuffer* logits;                    // null: prefill
  };

  FixedEngine(std::shared_ptr<const FixedGraphs> graphs, int64_t max_context, int64_t max_step,
              FixedCaches caches);
  Result<Runner> make_runner(contract::Role role);
  Status check_room(int64_t tokens) const;
  Status run(Runner& runner, std::span<const int32_t> tokens, std::span<const SoftBlock> blocks);
  Status append_all(std::span<const int32_t> tokens, int64_t kept,
                    std::span<const SoftBlock> blocks);
  void write_inputs(Runner& runner);
  void take_logits(std::span<float> out);

  std::shared_ptr<const FixedGraphs> graphs_;
  int64_t max_context_, max_step_;
  FixedCaches caches_;
  std::vector<Runner> runners_;  // prefill, decode
  std::vector<float> cos_, sin_;
  std::vector<int64_t> positions_;
  std::vector<float> logits_;
};

}  // namespace lapidary::engine
