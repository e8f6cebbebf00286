// What `lapidary inspect PACKAGE --claims` prints of a claims report (htp/claims_report.h).
#pragma once

#include <string>

#include "htp/claims_report.h"

namespace lapidary::report {

// For each graph a line of totals, then a table: one row for each way in which nodes of one
// operator run, or with `every_node` one row for each node; then what is on the CPU.
std::string claims_text(const htp::ClaimsReport& report, bool every_node);

// "99.9 %": 100 only when it is 100.
std::string percent_text(double percent);

}  // namespace lapidary::report
