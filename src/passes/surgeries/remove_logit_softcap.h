// RemoveLogitSoftcap: graphs end before the soft-cap of their logits.
//
//   before  logits = Mul(Tanh(Div(x, cap)), cap)     or Tanh(Mul(x, 1 / cap))
//   after   logits = x
//
// tanh grows strictly, so the largest logit stays the largest and greedy answers stay (but where
// float32 rounded tanh to a tie). All other numbers change: probabilities, and with them samples
// and perplexity, unless the host computes cap * tanh(x / cap) itself. The cap is left in the
// metadata "host_logit_softcap"; the engine for static graphs of this program applies it. Only what
// ends in an output of the graph is touched: soft-caps of attention stay.
#pragma once

#include "passes/pass.h"

namespace lapidary::passes {

Result<PassOutcome> remove_logit_softcap(graph::Graph graph);
BoundPass bind_remove_logit_softcap(JsonReader& reader);

}  // namespace lapidary::passes
