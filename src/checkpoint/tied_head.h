// The two tensors that a tied model has one of: the table of token embeddings, and the head
// (lm_head.weight) that turns hidden states into logits. Tools save one, the other or both, and
// both need not be equal: fine-tuning may have untied them, whatever config.json says.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "checkpoint/config.h"
#include "checkpoint/stored_tensors.h"
#include "checkpoint/weights.h"

namespace lapidary::checkpoint {

inline constexpr const char* kHeadTensor = "lm_head.weight";
inline constexpr const char* kTableTensor = "model.language_model.embed_tokens.weight";

enum class HeadState {
  kSettled,
  // Samples of both are equal, and they are too large to be read whole by the way.
  kEqualInSamples,
};

// Where config.json ties both, as transformers 5.24 does (modeling_utils.py, tie_weights): a head
// without table is used for both; a head that differs from its table is used, and `config` is tied
// no longer; an equal one is passed over. `weights` has canonical names. Reads 256 KiB at most of
// each. Notes what was done. Errors: of reading.
Result<HeadState> settle_head(const StoredTensors& stored, Config& config, Weights& weights,
                              std::vector<std::string>& notes);

// Where settle_head returned kEqualInSamples: compares by hash of all bytes, on a few MB of memory,
// and mends `config` and `notes`. Errors: of reading; kCancelled.
Status settle_head_whole(const StoredTensors& stored, const Weights& weights, const Work& work,
                         Config& config, std::vector<std::string>& notes);

}  // namespace lapidary::checkpoint
