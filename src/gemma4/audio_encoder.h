// The audio encoder component: log-mel frames to soft tokens in the text model's space.
//
//   input_features       [batch, time, mel bins] float32
//   input_features_mask  [batch, time] bool: true for real frames
//   -> audio_features    [num_audio_tokens, text hidden] float32: the soft tokens of all clips one
//                        after the other, padding left out
//
// A conformer (Gulati et al. 2020, arXiv:2005.08100) with chunked local attention and relative
// positions (Dai et al. 2019, arXiv:1901.02860). Source: Gemma4AudioModel and
// Gemma4MultimodalEmbedder of transformers.
#pragma once

#include "base/result.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "graph/graph.h"

namespace lapidary::gemma4 {

// `config.audio` must be there. Errors: a tensor is missing; an attention context of more than 4096
// frames (kUnsupported).
Result<graph::Graph> build_audio_encoder(const checkpoint::Config& config,
                                         const checkpoint::Weights& weights);

}  // namespace lapidary::gemma4
