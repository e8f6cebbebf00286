// Surgeons of GraphSurgeries that change what a graph's inputs and outputs are called and look
// like. Names and options are Olive's.
#pragma once

#include "passes/surgeries/graph_surgeries.h"

namespace lapidary::passes {

// {"old_names": [...], "new_names": [...]}: with all that reads or makes them, in bodies too.
// Errors: lists of different length; a new name that the graph or a body in it has already.
// Declined: a name that is no input (output).
Surgery bind_rename_inputs(JsonReader& options);
Surgery bind_rename_outputs(JsonReader& options);

// {"input_name" or "input_idx", "dim_idx", "dim_name"}: a dim of any size, by that name. Errors: no
// such input or dim. {"output_idx", ...} likewise.
Surgery bind_rename_input_dims(JsonReader& options);
Surgery bind_rename_output_dims(JsonReader& options);

// {"permutation": [2, 0, 1]}: input 2 comes first. Error: no permutation of the inputs.
Surgery bind_reorder_inputs(JsonReader& options);

// {"names": [...]}. Declined: no such input; one that a node reads, itself or in a body, which
// Olive would take from the node's inputs, moving those behind it.
Surgery bind_remove_inputs(JsonReader& options);

// {"names": [...]}, of nodes: their first outputs become outputs of the graph. Declined: no such
// node; one whose output is an output already.
Surgery bind_expose_outputs(JsonReader& options);

// An input that need not be fed becomes a constant.
PassOutcome remove_initializer_from_inputs(graph::Graph graph);

}  // namespace lapidary::passes
