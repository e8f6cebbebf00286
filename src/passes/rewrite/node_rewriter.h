// Rebuilds the nodes of a graph in order, some of them replaced by others.
//
//   NodeRewriter out(std::move(graph));
//   for (graph::Node& node : out.take_nodes()) {
//     if (node.op_type != "Swish") {
//       out.keep(std::move(node));
//       continue;
//     }
//     const auto at = out.under(node);  // "layers.0.mlp.act_fn"
//     const std::string gate = out.op("Sigmoid", {node.inputs[0]}, at + ".gate");
//     out.replace(node.outputs[0], out.op("Mul", {node.inputs[0], gate}, at));
//   }
//   graph = std::move(out).finish();
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "graph/builder.h"
#include "graph/fresh_names.h"
#include "graph/graph.h"

namespace lapidary::passes {

class NodeRewriter {
 public:
  explicit NodeRewriter(graph::Graph graph);

  // The nodes as they came. Read each one's inputs through `keep` or `current`.
  std::vector<graph::Node> take_nodes() { return std::move(nodes_); }
  // The value that stands for `value` now.
  std::string current(const std::string& value) const;

  // Adds a node that came, its inputs made current.
  void keep(graph::Node node);
  // Adds a node named `at`/op_type and returns its value. Inputs are made current.
  std::string op(const std::string& op_type, const std::vector<std::string>& inputs,
                 const std::string& at, graph::Attributes attributes = {});
  // Adds a constant and returns its name, `name` or, where that is taken, "name_1".
  std::string add_constant(const std::string& name, graph::Tensor value);
  // A name that nothing has; it counts as taken from here on.
  std::string unique(const std::string& name);
  // A constant that is added once for all who ask for that name and value: `name`, or where that is
  // something else "name_1".
  std::string shared_constant(const std::string& name, const graph::Tensor& value);
  // A 1-D int64 constant, shared with the Builder's of the same values.
  std::string integers(const std::vector<int64_t>& values);
  // Readers of `value` read `by` from here on. A graph output keeps its name.
  void replace(const std::string& value, const std::string& by);

  // The node that yields the value and was added so far; nullptr: none.
  const graph::Node* producer(const std::string& value) const;

  // "layers.0.mlp/MatMul" -> "layers.0.mlp".
  static std::string under(const graph::Node& node);

  // Nodes and constants that reach no output are dropped.
  graph::Graph finish() &&;

  graph::Graph& graph() { return graph_; }
  const graph::Graph& graph() const { return graph_; }

 private:
  void rename_output(const std::string& from, const std::string& to);
  // Makes a replaced value again, for a body that reads it by its name.
  void give_back(const std::string& value);

  graph::FreshNames names_;
  graph::Graph graph_;
  std::vector<graph::Node> nodes_;
  std::set<std::string> captured_;  // by bodies of nodes that were kept
  std::map<std::string, std::string> replaced_;
  std::map<std::string, size_t> producers_;  // index into graph_.nodes
};

}  // namespace lapidary::passes
