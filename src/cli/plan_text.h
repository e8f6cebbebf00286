// Plans as tables for people: `lapidary plan`, and the end of `lapidary build`.
#pragma once

#include <string>
#include <vector>

#include "recipe/plan_comparison.h"
#include "recipe/plan_report.h"

namespace lapidary::cli {

std::string plan_text(const recipe::PlanReport& report);
// Planned, measured, and how far apart.
std::string comparison_text(const std::vector<recipe::Compared>& rows);

}  // namespace lapidary::cli
