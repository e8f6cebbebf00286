#include "passes/graph_set.h"

namespace lapidary::passes {

std::string file_stem(const RoleGraph& graph) {
  if (graph.role == Role::kModel && graph.part == 0) return "model";
  return std::string(name_of(graph.role)) + "." + std::to_string(graph.part);
}

}  // namespace lapidary::passes
