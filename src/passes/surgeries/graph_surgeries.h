// GraphSurgeries: small rewrites by name, one after the other, as in Olive.
//
//   {"type": "GraphSurgeries",
//    "surgeries": [{"surgeon": "GemmToMatMulAdd"},
//                  {"surgeon": "RenameInputs", "old_names": ["x"], "new_names": ["input"]}]}
//
// Surgeons and their options have Olive's names (0.13, any case); a name that is not among
// surgeons() is refused with the list of those that are. What Olive's surgeons pass over in silence
// (a name that the graph does not have) is listed as declined, and what would leave a graph that
// computes something else by accident is an error. `remove_duplicate_initializers` is accepted:
// constants are shared when graphs are built.
#pragma once

#include <functional>
#include <vector>

#include "passes/pass.h"

namespace lapidary::passes {

using Surgery = std::function<Result<PassOutcome>(graph::Graph)>;

struct Surgeon {
  const char* name;
  // Reads what stands beside "surgeon"; errors are recorded in the reader's document.
  Surgery (*bind)(JsonReader& options);
};

// All of them, in alphabetical order: those of port_surgeons.h and operator_surgeons.h, and the
// passes RemoveLogitSoftcap and AttentionMaskToSequenceLengths.
const std::vector<Surgeon>& surgeons();

BoundPass bind_graph_surgeries(JsonReader& reader);

}  // namespace lapidary::passes
