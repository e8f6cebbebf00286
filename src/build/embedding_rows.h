// What the embedding reads for one token.
#pragma once

#include <cstdint>

#include "graph/graph.h"

namespace lapidary::build {

// One row of each constant that a Gather or GatherBlockQuantized takes rows from, its scales and
// zero points included, and every other constant whole.
int64_t bytes_of_one_token(const graph::Graph& embedding);

}  // namespace lapidary::build
