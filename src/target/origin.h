// What computes an operand, seen through nodes that only store or lay it out otherwise.
#pragma once

#include "target/conditions.h"

namespace lapidary::target {

Truth is_made_by(const MadeBy& want, const graph::Node& node, const GraphFacts& facts);

}  // namespace lapidary::target
