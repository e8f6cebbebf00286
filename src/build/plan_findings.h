// What becomes of a planned component's nodes on a target: which are lowered, by a pass or by the
// compiler, and which the target does not take.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "build/plan_report.h"
#include "graph/fixed_shapes.h"

namespace lapidary::build {

// Of passes whose business it is ("LowerRotaryEmbedding").
void add_lowerings(const PlannedComponent& component, std::vector<Lowering>& out);

// Of each graph of a component that is compiled. Errors: kBadInput, naming the graph, for one
// without fixed shapes.
Result<std::vector<graph::FixedShapes>> compiled_shapes(const PlannedComponent& component);

// What target::check says of the component's graphs, nodes of one kind together, those that several
// graphs share counted once. `shapes`: of its graphs, in their order.
Status add_findings(const PlannedComponent& component,
                    const std::vector<graph::FixedShapes>& shapes, const target::Target& chip,
                    std::vector<Lowering>& lowerings, std::vector<Objection>& objections);

// "decoder: Conv, 12 nodes (a/Conv): wrong numbers: computes other numbers; emit a product"
std::string text_of(const Objection& objection);

// Of a build that is about to compile: a line for each objection by a rule which says that the
// target refuses a form or computes it wrong. What no rule speaks of is for the plan alone.
std::vector<std::string> warnings(const PlanReport& report);

}  // namespace lapidary::build
