#include "passes/graph_set.h"

#include <fmt/core.h>

namespace lapidary::passes {

std::string file_stem(const RoleGraph& graph) {
  if (graph.role == Role::kModel && graph.part == 0) return name_of(graph.role);
  return fmt::format("{}.{}", name_of(graph.role), graph.part);
}

}  // namespace lapidary::passes
