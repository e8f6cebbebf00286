#include "build/plan_comparison.h"

#include <algorithm>

namespace lapidary::build {
namespace {

template <typename T>
const T* named(const std::vector<T>& items, const std::string& name) {
  const auto it =
      std::find_if(items.begin(), items.end(), [&](const T& each) { return each.name == name; });
  return it == items.end() ? nullptr : &*it;
}

}  // namespace

double Compared::off() const {
  if (planned == 0) return measured == 0 ? 0 : 1;
  return static_cast<double>(measured) / static_cast<double>(planned) - 1;
}

std::vector<Compared> compare(const PlanReport& report, const BuildSummary& summary) {
  std::vector<Compared> out;
  for (const ComponentCost& planned : report.components) {
    if (const auto* built = named(summary.components, planned.name)) {
      out.push_back({planned.name, "bytes", planned.bytes(), static_cast<int64_t>(built->bytes)});
    }
  }
  for (const ContextCost& planned : report.contexts) {
    if (const auto* compiled = named(summary.contexts, planned.name)) {
      out.push_back(
          {planned.name, "bytes", planned.binary_bytes, static_cast<int64_t>(compiled->bytes)});
      out.push_back({planned.name, "memory", planned.compile_bytes, compiled->peak_bytes});
    }
  }
  out.push_back(
      {"build", "memory", report.build.peak(), static_cast<int64_t>(summary.peak_resident_bytes)});
  out.push_back({"package", "bytes", report.package_bytes(), static_cast<int64_t>(summary.bytes)});
  return out;
}

Json to_json(const std::vector<Compared>& rows) {
  Json out = Json::array();
  for (const Compared& row : rows) {
    out.push_back({{"name", row.name},
                   {"what", row.what},
                   {"planned", row.planned},
                   {"measured", row.measured},
                   {"off", row.off()}});
  }
  return out;
}

}  // namespace lapidary::build
