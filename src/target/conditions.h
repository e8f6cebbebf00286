// Whether a rule's conditions hold for a node.
#pragma once

#include <string>

#include "target/graph_facts.h"
#include "target/record.h"

namespace lapidary::target {

enum class Truth { kNo, kUnknown, kYes };

// Unknown: a shape, a dtype or a zero point that the question needs cannot be told.
Truth holds(const Condition& condition, const graph::Node& node, const GraphFacts& facts);
// Of all conditions together: kNo beats kUnknown beats kYes.
Truth holds(const Rule& rule, const graph::Node& node, const GraphFacts& facts);

}  // namespace lapidary::target
