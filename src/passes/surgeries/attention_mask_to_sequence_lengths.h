// AttentionMaskToSequenceLengths: a decoder with GroupQueryAttention told by its host how long the
// sequences are, instead of finding out by adding up a mask.
//
//   before  attention_mask [batch, total] int64
//           valid = ReduceSum(attention_mask, axis 1), total = Shape(attention_mask)[1]
//   after   past_seq_len [batch, 1] int32: positions of a row that count, less one, which is what
//           GroupQueryAttention takes as seqlens_k; total_seq_len [] int32
//           valid = past_seq_len + 1, total = total_seq_len
//
// Names, dtypes and shapes of the inputs are those of Olive's surgeon of this name. Requires that
// the mask is read for nothing but the two. A graph of fixed lengths has no such input, and the
// engines of this program feed the mask: it is for models that go to other hosts.
//
// Declined: no GroupQueryAttention, no input attention_mask of rank 2, another reader of it, by
// name.
#pragma once

#include "passes/pass.h"

namespace lapidary::passes {

PassOutcome attention_mask_to_sequence_lengths(graph::Graph graph);
BoundPass bind_attention_mask_to_sequence_lengths(JsonReader& reader);

}  // namespace lapidary::passes
