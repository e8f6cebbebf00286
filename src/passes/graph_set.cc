#include "passes/graph_set.h"

namespace lapidary::passes {

std::string name_of(Role role) {
  switch (role) {
    case Role::kModel:
      return "model";
    case Role::kPrefill:
      return "prefill";
    case Role::kDecode:
      return "decode";
    case Role::kCalibration:
      return "calibration";
  }
  return "";
}

std::string file_stem(const RoleGraph& graph) {
  if (graph.role == Role::kModel && graph.part == 0) return "model";
  return name_of(graph.role) + "." + std::to_string(graph.part);
}

}  // namespace lapidary::passes
