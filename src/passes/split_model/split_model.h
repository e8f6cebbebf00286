// SplitModel: a decoder of fixed lengths in parts of whole layers, for chips that take so many
// bytes in one binary.
//
//   before  decode: inputs_embeds, masks, rotary tables, past_key_values.N.* -> logits, present.N.*
//   after   decode, part 0: those of its layers -> h, present.N.* of its layers
//           decode, part 1: h, those of its layers -> logits, present.N.* of its layers
//
//   "split": {"type": "SplitModel", "max_bytes": 1500000000}      or "num_splits": 3
//
// Cuts lie between layers, which are told from the nodes' names ("model.layers.7.mlp/MatMul"); what
// follows the last layer (final norm, lm-head) may be a part of its own. All graphs of a set are
// cut at the same layers; parts that would be empty (the prefill graph ends early) are left out,
// and the others keep their numbers. A calibration graph stays whole.
//
// A value that a later part reads becomes an output of the part that makes it and an input of that
// part, under its own name, with its dtype and shape: of a quantized value its integers
// (QuantizeLinear in the one part, DequantizeLinear in the other), with the metadata
// "encoding:<name>" that static_quantization.h speaks of. What is cheap is repeated in each part
// instead (decoder_layers.h): so parts read masks, rotary tables, per-layer inputs and the cache of
// a donor (past_key_values.N.* and the new rows, present.N.*) as they were in the whole graph.
//
// num_splits balances the weights' bytes: no other choice of cuts has a smaller largest part. With
// max_bytes there are as few parts as fit, balanced likewise. A weight that several layers use
// counts in each of them.
//
// Requires fixed shapes. Ensures that the parts, run in order, compute what the graph did.
#pragma once

#include <cstdint>

#include "passes/pass.h"

namespace lapidary::passes {

// One of the two is given, the other 0.
struct SplitOptions {
  int64_t num_splits = 0;
  int64_t max_bytes = 0;  // of the weights of one part
};

// `rewritten` counts the nodes behind the first part. Errors: kBadInput for a graph without named
// layers, more parts than layers, a layer that exceeds max_bytes (by name, with its bytes), a set
// that is split already; those of infer_shapes.
Result<SetOutcome> split_model(GraphSet graphs, const SplitOptions& options);

BoundPass bind_split_model(JsonReader& reader);

}  // namespace lapidary::passes
