// What runs a decoder's graphs for one sequence and holds its keys and values: of any length
// (dynamic_engine.h) or of fixed ones (fixed_engine.h). Decoder is the sequence over it.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "engine/prompt.h"
#include "package/manifest.h"

namespace lapidary::engine {

struct DecoderOptions {
  // Positions the sequence may reach; 0: what the model, or the graphs of fixed lengths, allow.
  int64_t max_context = 0;
  // Most tokens of a prompt in one run of the graphs; those of fixed lengths have a limit of their
  // own.
  int64_t chunk = 256;
  // How far a sequence that has left the sliding window can go back.
  int64_t rewind_rows = 64;
};

class DecoderEngine {
 public:
  DecoderEngine() = default;
  DecoderEngine(const DecoderEngine&) = delete;
  DecoderEngine& operator=(const DecoderEngine&) = delete;
  virtual ~DecoderEngine() = default;

  virtual const package::TextModel& text() const = 0;
  virtual int64_t max_context() const = 0;
  virtual int64_t max_step() const = 0;  // most tokens of one append()
  virtual int64_t size() const = 0;      // positions held
  // Sliding layers hold no position before it.
  virtual int64_t sliding_offset() const = 0;

  // Appends 1 to max_step() tokens of the vocabulary. Returns the logits [kept, vocab_size] of the
  // last `kept` of them, valid until the next call; what there is for 0 is of no meaning. `blocks`
  // are those of the whole prompt. On an error the positions held are as before, or none. Errors:
  // kBadInput when the context would overflow or the step is too long; kUnsupported for soft tokens
  // of a kind that the embedding does not take; kInternal.
  virtual Result<std::span<const float>> append(std::span<const int32_t> tokens, int64_t kept,
                                                std::span<const SoftBlock> blocks) = 0;

  // Forgets all positions from `length` on; when that is not possible, forgets everything. Returns
  // the positions kept: `length` (at most size()) or 0.
  virtual int64_t truncate(int64_t length) = 0;
};

}  // namespace lapidary::engine
