// What a target says of a graph, node by node, before anything is compiled.
//
//   LAP_ASSIGN_OR_RETURN(const Record record, record_of(Arch::kV81));
//   for (const Finding& each : check(graph, record, shapes)) print(each.node, each.reason);
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "target/graph_facts.h"
#include "target/record.h"

namespace lapidary::target {

struct Finding {
  std::string node;  // or the name of a graph input or output
  std::string op;
  std::string rule;  // its id; empty when no rule speaks of the node
  Verdict verdict;
  std::string reason;
  std::string remedy;
};

// In the graph's order: inputs, outputs, nodes. A node yields
// - one finding for each rule that holds and says refused or wrong;
// - without those, a kLowered one when the first rule that holds says so;
// - a kUnmeasured one when a rule that would refuse it needs a shape or dtype that is not known, or
//   when no rule holds;
// - nothing when it is native. A "Constant" node yields nothing either.
//
// `graph` need not be static; it must be topologically ordered. `shapes` adds static shapes of
// values to those that the graph declares; rules about shapes need them. Zero points and constants
// that rules ask about are read, up to kMostValuesRead values each; weights are not.
std::vector<Finding> check(const graph::Graph& graph, const Record& record,
                           const Shapes& shapes = {});

}  // namespace lapidary::target
