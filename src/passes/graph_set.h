// The graphs of one component. A component begins as one graph; StaticLLM makes several of it, for
// runs of different lengths, and SplitModel makes parts of each.
//
//   for (const RoleGraph& each : set) use(each.role, each.part, each.graph);
//   const std::string stem = file_stem({Role::kDecode, 1, graph});  // "decode.1"
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "contract/role.h"
#include "graph/graph.h"

namespace lapidary::passes {

using contract::Role;

struct RoleGraph {
  Role role = Role::kModel;
  int64_t part = 0;  // of those that a run passes through one after the other
  graph::Graph graph;
};

// Prefill before decode; parts ascending within a role.
using GraphSet = std::vector<RoleGraph>;

// The name of its file without ".onnx": "model", or role and part, "prefill.0", "model.1".
std::string file_stem(const RoleGraph& graph);

}  // namespace lapidary::passes
