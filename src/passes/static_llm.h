// StaticLLM: from the decoder for any lengths (gemma4/decoder.h) to one for fixed lengths, as
// compilers for NPUs want it.
//
//   before  inputs_embeds [batch, sequence_len, hidden], attention_mask, past_key_values.N.key
//           [batch, n, past, d], ... -> logits, present.N.key [batch, n, past + sequence, d], ...
//   after   with s = sequence_length, p = context_length - s, w = min(window - 1, p):
//     inputs_embeds                     [1, s, hidden]
//     per_layer_inputs                  [1, s, layers * ple], if the decoder has them
//     past_key_values.N.key, .value     [1, n, p, d] of full layers, [1, n, w, d] of sliding ones
//     rotary_emb.K.cos, .sin            [1, s, d / 2] for K = sliding_attention, full_attention:
//                                       cosines and sines of position * frequency (nn/rope.h)
//     attention_mask.K                  [1, 1, s, w + s] or [1, 1, s, p + s], added to the scores:
//                                       0 where the query (row) may see the key (column), a large
//                                       negative number elsewhere; columns are past rows, then new
//     -> logits                         [1, s, vocab], with `logits`
//     -> present.N.key, .value          [1, n, s, d]: the new rows alone
//
// The caller keeps the caches, appends the new rows, and says by the masks which rows are real; the
// order of the past rows does not matter. Without `logits` the graph ends where the last layer that
// owns a cache has its keys and values: a prompt but for its last token needs no more. Inputs that
// nothing reads are left out. One call makes one graph; a prompt's chunks and single tokens want
// two.
//
// Requires the decoder as build_decoder makes it, before float16 or quantization of its attention.
// Ensures fixed shapes throughout and that neither GroupQueryAttention nor integer arithmetic on
// lengths is left. RotaryEmbedding and norms stay (LowerRotaryEmbedding, LowerRMSNormalization).
#pragma once

#include <cstdint>

#include "passes/pass.h"

namespace lapidary::passes {

struct StaticLlmOptions {
  int64_t context_length = 4096;  // positions of a full layer: past and new
  int64_t sequence_length = 1;    // tokens of one run
  bool logits = true;
};

// Errors: kBadInput for lengths out of range and for a graph that is not such a decoder;
// kUnsupported for images that attend to themselves (mm_token_type_ids) and sliding windows of
// different lengths.
Result<PassOutcome> static_llm(graph::Graph graph, const StaticLlmOptions& options);

BoundPass bind_static_llm(JsonReader& reader);

}  // namespace lapidary::passes
