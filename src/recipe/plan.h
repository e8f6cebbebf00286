// What a build will do, worked out before anything is written: every graph after its passes, every
// byte count. Takes milliseconds whatever the model's size, since weights are lazy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "graph/graph.h"
#include "package/manifest.h"
#include "passes/pass.h"
#include "recipe/recipe.h"

namespace lapidary::recipe {

// What one pass did to one component.
struct PassReport {
  std::string name;  // the recipe's name for it
  std::string type;
  int64_t rewritten = 0;
  std::vector<passes::Declined> declined;
};

struct PlannedComponent {
  std::string name;
  graph::Graph graph;         // ready to be saved
  package::Component record;  // what the manifest will say of it
  std::vector<PassReport> passes;
  int64_t data_bytes = 0;  // of weights
  // Covers the program's version, the sources, the options of the passes and the graph with its
  // tensor expressions: a finished component with the same key need not be made again.
  std::string key;
};

struct Plan {
  std::string source_hash;
  std::vector<PlannedComponent> components;
};

Result<Plan> make_plan(const Recipe& recipe, const checkpoint::Checkpoint& checkpoint);

}  // namespace lapidary::recipe
