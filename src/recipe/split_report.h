// Where a recipe splits a decoder, and why there.
#pragma once

#include <optional>

#include "recipe/plan_report.h"

namespace lapidary::recipe {

// Nothing when SplitModel does not run on the component.
std::optional<Split> split_report(const Recipe& recipe, const PlannedComponent& component);

}  // namespace lapidary::recipe
