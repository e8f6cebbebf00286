// The embedding component: token ids and soft tokens to what the decoder takes.
//
//   input_ids       [batch, sequence_len] int64
//   image_features  [num_image_tokens, hidden] float32, if the model has a vision tower
//   audio_features  [num_audio_tokens, hidden] float32, if the model has an audio tower
//   -> inputs_embeds     [batch, sequence_len, hidden] float32
//   -> per_layer_inputs  [batch, sequence_len, layers * ple] float32, if the model has them
//
// The k-th placeholder of an image or a video frame takes row k of image_features, the k-th of
// sound row k of audio_features; placeholders beyond the last row read <pad>, so no rows at all are
// fine. Source: Gemma4Model.forward and Gemma4TextModel.project_per_layer_inputs of transformers.
#pragma once

#include "base/result.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "graph/graph.h"

namespace lapidary::gemma4 {

Result<graph::Graph> build_embedding(const checkpoint::Config& config,
                                     const checkpoint::Weights& weights);

}  // namespace lapidary::gemma4
