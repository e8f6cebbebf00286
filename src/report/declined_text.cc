#include "report/declined_text.h"

#include <fmt/core.h>

#include <map>

namespace lapidary::report {

std::string first_and_more(const std::vector<std::string>& names) {
  if (names.size() == 1) return names.front();
  return fmt::format("{} and {} more", names.front(), names.size() - 1);
}

std::string declined_text(const std::vector<passes::Declined>& declined,
                          const std::string& introduction) {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const passes::Declined& each : declined) by_reason[each.reason].push_back(each.node);
  std::string out;
  for (const auto& [reason, nodes] : by_reason) {
    out += fmt::format("  {} {}: {}\n", introduction, first_and_more(nodes), reason);
  }
  return out;
}

}  // namespace lapidary::report
