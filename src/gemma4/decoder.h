// The text decoder component, of Gemma 4 and of Gemma 3, whose text model is the same but for what
// checkpoint::TextConfig says.
//
//   inputs_embeds           [batch, sequence_len, hidden] float32
//   per_layer_inputs        [batch, sequence_len, layers * ple] float32, if the model has them
//   attention_mask          [batch, total_sequence_len] int64, ones; total = past + sequence
//   past_key_values.N.key   [batch, kv_heads, past_sequence_len, head_dim] float32, .value alike,
//                           for each layer N that owns a cache
//   logits_to_keep          [1] int64, optional, default 0
//   sliding_window_offset   [1] int64, optional, default 0
//   mm_token_type_ids       [batch, sequence_len] int64, only with use_bidirectional_attention
//                           "vision"; optional, default 0 everywhere
//   -> logits               [batch, kept, vocab] float32
//   -> present.N.key/value  [batch, kv_heads, total_sequence_len, head_dim] float32
//
// logits_to_keep, as in transformers: k > 0 keeps the last k positions, 0 all. KV-shared layers
// write no keys or values, so a position whose logits nobody wants is done once the last layer that
// owns a cache (the last donor) has its keys and values: there the graph narrows to the kept
// positions.
//
// sliding_window_offset: positions already dropped from the front of the sliding layers' caches. It
// lets a runtime hold only the window: sliding attention is relative to the end of the cache.
//
// mm_token_type_ids, as in transformers: 1 image, 2 video, 3 audio, 0 text. In the sliding layers
// the tokens of one run of images attend to each other both ways (within the window); such a run
// must not be cut between two steps. Source: create_masks_for_vision_model of transformers.
//
// Past and present may be one buffer (GroupQueryAttention's buffer sharing): length dims are
// capacities then. Source: Gemma4TextModel of transformers.
#pragma once

#include "base/result.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "graph/graph.h"

namespace lapidary::gemma4 {

Result<graph::Graph> build_decoder(const checkpoint::Config& config,
                                   const checkpoint::Weights& weights);

}  // namespace lapidary::gemma4
