// The components that a package can have, in the order data flows through them.
#pragma once

#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "graph/graph.h"

namespace lapidary::recipe {

struct ComponentBuilder {
  const char* name;  // folder of the package, and what recipes say
  Result<graph::Graph> (*build)(const checkpoint::Config&, const checkpoint::Weights&);
};

const std::vector<ComponentBuilder>& component_builders();

}  // namespace lapidary::recipe
