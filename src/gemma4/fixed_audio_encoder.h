// The audio encoder for NPUs: one clip of at most `soft_tokens` soft tokens of 40 ms, fixed shapes,
// and operators that an HTP takes. With T = soft_tokens, F = 4 T frames of 10 ms, chunks of c
// frames (attention_chunk_size), n = ceil(T / c) of them and a context of C frames for each,
//
//   input_features    [1, F, mel bins] float32, zeros beyond the clip
//   subsampled_mask   [1, F / 2] float32: 1 for a frame of 20 ms that is real, 0 beyond the clip
//   attention_mask    [n, c, C] float32: 0 where a query sees a key, `masked` elsewhere
//   -> audio_features [T, hidden] float32
//
// Who makes the inputs: encoders/fixed_audio_inputs.h. Rows of the output beyond the clip's soft
// tokens mean nothing.
#pragma once

#include "base/result.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "gemma4/fixed_encoder_form.h"
#include "graph/graph.h"

namespace lapidary::gemma4 {

// Requires config.audio. Errors: those of build_audio_encoder.
Result<graph::Graph> build_fixed_audio_encoder(const checkpoint::Config& config,
                                               const checkpoint::Weights& weights,
                                               const FixedEncoderForm& form);

}  // namespace lapidary::gemma4
