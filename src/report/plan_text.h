// Plans as tables for people: `lapidary plan`, and the end of `lapidary build`.
#pragma once

#include <string>
#include <vector>

#include "build/plan_comparison.h"
#include "build/plan_report.h"

namespace lapidary::report {

std::string plan_text(const build::PlanReport& report);
// Checkpoint::notes, a line each.
std::string notes_text(const std::vector<std::string>& notes);
// Planned, measured, and how far apart.
std::string comparison_text(const std::vector<build::Compared>& rows);

}  // namespace lapidary::report
