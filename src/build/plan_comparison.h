// What was planned beside what a build measured: what `build` prints at its end.
//
//   const std::vector<Compared> rows = compare(report, summary);
//   const double off = rows[0].off();  // 0.02: measured 2 % more than planned
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "build/build.h"
#include "build/plan_report.h"

namespace lapidary::build {

inline constexpr const char* kPlanFile = "plan.json";

struct Compared {
  std::string name;  // "decoder", "decoder part 0 (prefill, decode)", "package", "build"
  std::string what;  // "bytes" or "memory"
  int64_t planned = 0;
  int64_t measured = 0;

  // measured / planned - 1; 0 when neither is more than nothing.
  double off() const;
};

// Components, contexts, the building process, the package. What an earlier build did (components
// kept, the memory of compiles found in the cache) was measured then, and is compared as well.
std::vector<Compared> compare(const PlanReport& report, const BuildSummary& summary);

Json to_json(const std::vector<Compared>& rows);

}  // namespace lapidary::build
