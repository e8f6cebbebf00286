// Ranges of a graph's nodes as graphs of their own, for running a large graph some nodes at a time.
//
//   const NodeRanges ranges(graph);
//   Graph first = ranges.cut(0, 100, declare);
//   Graph rest = ranges.cut(100, graph.nodes.size(), declare);
//   // The outputs of `first` are inputs of `rest`, or outputs of `graph`.
//
// A node that only constants reach is no node of a range: it comes along wherever its result is
// read, so that no weight is handed from one range to the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace lapidary::graph {

class NodeRanges {
 public:
  // `graph` must outlive it.
  explicit NodeRanges(const Graph& graph);

  // Whether only constants reach the node, and no output of the graph is among what it makes.
  bool is_constant(size_t node) const;
  // The initializers that the node reads, by way of nodes that only constants reach too.
  std::set<std::string> constants(size_t node) const;
  int64_t constant_bytes(size_t node) const;
  // Whether the node at `begin` or one behind it reads the value, or it is an output of the graph.
  bool is_needed_from(const std::string& value, size_t begin) const;
  // Before each node, and behind the last: of the values made so far, those needed from there on.
  std::vector<size_t> crossing_values() const;

  // How a value that comes from outside is declared.
  using Declare = std::function<ValueInfo(const std::string& value)>;
  using Choice = std::function<bool(const std::string& value)>;

  // Nodes begin .. end - 1 as a graph. Inputs: what they read that neither they nor constants make,
  // as `declare` has them. Outputs, their types open: what they make that is needed from `end` on,
  // and what `also` chooses of what they and the constants make.
  Graph cut(size_t begin, size_t end, const Declare& declare, const Choice& also = {}) const;

 private:
  bool is_constant_value(const std::string& value) const;
  bool only_constants_reach(const Node& node) const;
  void add_with_constants(size_t node, std::set<size_t>& members) const;

  const Graph& graph_;
  std::map<std::string, size_t> made_of_constants_;  // value -> its node
  std::map<std::string, size_t> last_read_;          // by nodes that are no such
};

}  // namespace lapidary::graph
