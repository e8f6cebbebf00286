// The embedding component: token ids and soft tokens to what the decoder takes.
//
//   input_ids       [batch, sequence_len] int64
//   image_features  [num_image_tokens, hidden] float32, optional (default: none)
//   audio_features  [num_audio_tokens, hidden] float32, optional (default: none)
//   -> inputs_embeds     [batch, sequence_len, hidden] float32
//   -> per_layer_inputs  [batch, sequence_len, layers * ple] float32, if the model has them
//
// The k-th image (audio) placeholder of input_ids takes row k of the features. Source:
// Gemma4Model.forward and Gemma4TextModel.project_per_layer_inputs of transformers.
#pragma once

#include "base/result.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "graph/graph.h"

namespace lapidary::gemma4 {

Result<graph::Graph> build_embedding(const checkpoint::Config& config,
                                     const checkpoint::Weights& weights);

}  // namespace lapidary::gemma4
