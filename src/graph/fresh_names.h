// Names for what is added to a graph.
//
//   FreshNames names(graph);
//   const std::string scale = names.fresh("w_scale");  // "w_scale_1" where the graph has a "w_scale"
#pragma once

#include <set>
#include <string>

#include "graph/graph.h"

namespace lapidary::graph {

// Taken are the names of all values and nodes: of the graph, of the bodies in it and of the model's
// functions. A value of a body would hide one of the graph that is named like it.
class FreshNames {
 public:
  explicit FreshNames(const Graph& graph);

  // `wanted`, or where that is taken the first free one of "wanted_1", "wanted_2", ... It is taken
  // from here on.
  std::string fresh(const std::string& wanted);
  bool taken(const std::string& name) const { return names_.contains(name); }

 private:
  std::set<std::string> names_;
};

}  // namespace lapidary::graph
