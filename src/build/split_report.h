// Where a recipe splits a decoder, and why there.
#pragma once

#include <optional>

#include "build/plan_report.h"

namespace lapidary::build {

// Nothing when SplitModel does not run on the component.
std::optional<Split> split_report(const recipe::Recipe& recipe, const PlannedComponent& component);

}  // namespace lapidary::build
