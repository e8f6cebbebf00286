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
// nothing reads are left out, those of a past of 0 rows among them.
//
// As a pass of a recipe it makes up to three graphs of the one:
//   prefill      prefill_length tokens, no logits; none when prefill_length is 0
//   decode       one token, logits
//   calibration  calibration_length tokens and no past, logits; none when calibration_length is 0.
//                What it computes has the same names as in the others, so that ranges found on it
//                carry over.
//
//   "static": {"type": "StaticLLM", "context_length": 4096, "prefill_length": 64,
//              "calibration_length": 512, "attention": "decomposed", "logit_softcap": "graph"}
//
// attention "Attention" writes each attention as one operator (lower_group_query_attention.h).
// logit_softcap "host" ends the graphs before the soft-cap cap * tanh(x / cap); the cap is left in
// the metadata "host_logit_softcap" of each graph that has logits.
//
// Requires the decoder as build_decoder makes it, before float16 or quantization of its attention.
// Ensures fixed shapes throughout and that neither GroupQueryAttention nor integer arithmetic on
// lengths is left. RotaryEmbedding and norms stay (LowerRotaryEmbedding, LowerRMSNormalization).
#pragma once

#include <cstdint>

#include "passes/fixed_shapes/lower_group_query_attention.h"
#include "passes/pass.h"

namespace lapidary::passes {

inline constexpr int64_t kLongestContext = 1 << 20;
struct StaticLlmOptions {
  int64_t context_length = 4096;  // positions of a full layer: past and new
  int64_t sequence_length = 1;    // tokens of one run
  bool logits = true;
  AttentionForm attention = AttentionForm::kDecomposed;
  bool host_logit_softcap = false;
};

// One graph. Errors: kBadInput for lengths out of range and for a graph that is not such a decoder;
// kUnsupported for images that attend to themselves (mm_token_type_ids) and sliding windows of
// different lengths.
Result<PassOutcome> static_llm(graph::Graph graph, const StaticLlmOptions& options);

// Errors besides: kBadInput for a component that is several graphs already.
BoundPass bind_static_llm(JsonReader& reader);

}  // namespace lapidary::passes
