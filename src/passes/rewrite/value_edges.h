// Who makes a value and who reads it, and its name: what passes that look for a pattern ask of a
// graph.
//
//   const graph::Node* tanh = producer_of(graph, "logits", "Tanh");  // nullptr: not made by one
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace lapidary::passes {

// The node that makes `value`; nullptr: none, or not a standard `op_type`.
const graph::Node* producer_of(const graph::Graph& graph, const std::string& value,
                               const std::string& op_type);
// The nodes that read `value`, themselves or in their bodies, each once.
std::vector<const graph::Node*> readers_of(const graph::Graph& graph, const std::string& value);
// The only value of a float32 constant; nothing when `value` is no such constant.
std::optional<float> scalar_of(const graph::Graph& graph, const std::string& value);

// The other of a binary node's two inputs.
const std::string& other_input(const graph::Node& node, const std::string& value);

bool has_value(const graph::Graph& graph, const std::string& name);
// Whether a body in the graph has a value of its own with that name.
bool is_value_of_body(const graph::Graph& graph, const std::string& name);
// Everywhere: ports, nodes, what bodies read, initializers, and the metadata about the encoding of
// a port. A value of a body that is named `from` too stays. `to` must be no value of the graph yet,
// nor of a body. kInternal: a body cannot be read.
Status rename_value(graph::Graph& graph, const std::string& from, const std::string& to);

}  // namespace lapidary::passes
