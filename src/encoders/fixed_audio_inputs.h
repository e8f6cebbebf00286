// A clip's log-mel frames as the inputs of an audio encoder of fixed length
// (gemma4/fixed_audio_encoder.h).
//
//   LAP_ASSIGN_OR_RETURN(auto inputs, fixed_audio_inputs(mel, *manifest.audio));
//
// With T = fixed_encoder.soft_tokens, c = attention_chunk_size, n = ceil(T / c) and the context
// C = attention_past + c + attention_future:
//
//   input_features   [1, 4 T, mel bins] float32  0 beyond the real frames
//   subsampled_mask  [1, 2 T] float32            1 for a real frame of 20 ms, 0 beyond
//   attention_mask   [n, c, C] float32           0 where a query sees a key, `masked` elsewhere
//
// A frame of 20 ms is real if the first of its two frames of 10 ms is, and so on. Query i of chunk
// k is frame k c + i of 40 ms, place j of its context frame k c + j - attention_past. A query sees
// itself and the attention_past - 1 frames before it, and the attention_future - 1 frames behind
// it, if they are real. Source: Gemma4AudioModel of transformers.
#pragma once

#include <vector>

#include "base/result.h"
#include "media/log_mel.h"
#include "ort/session.h"
#include "package/manifest.h"

namespace lapidary::encoders {

// Errors: kBadInput for a clip of more soft tokens than the encoder takes; kInternal for a model
// without fixed_encoder.
Result<std::vector<ort::HostTensor>> fixed_audio_inputs(const media::LogMel& mel,
                                                        const package::AudioModel& model);

}  // namespace lapidary::encoders
