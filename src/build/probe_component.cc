#include "build/probe_component.h"

#include <fmt/core.h>

#include <system_error>
#include <utility>

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;
using probe::ProbedNode;
using probe::Verdict;

std::string finding(const ProbedNode& node) {
  const std::string why = node.reason.empty()
                              ? fmt::format("relative error {:.3g}", node.difference.relative_error)
                              : node.reason;
  return fmt::format("{} '{}' ({}): {}", node.op, node.name, node.forms, why);
}

Status judge(const std::string& component, const probe::ProbeReport& report,
             const target::Target& chip, const Work& work) {
  const ProbedNode* worst = nullptr;
  for (const ProbedNode& node : report.nodes) {
    if (node.verdict == Verdict::kImprecise) {
      work.note("imprecise on the emulated HTP: " + finding(node));
    }
    const bool bad = node.verdict != Verdict::kRight && node.verdict != Verdict::kImprecise;
    if (bad && worst == nullptr) worst = &node;
  }
  if (worst == nullptr) return {};
  const size_t bad =
      report.nodes.size() - report.count(Verdict::kRight) - report.count(Verdict::kImprecise);
  return unsupported(
      fmt::format("{} on {}", component, target::name_of(chip)),
      fmt::format("{} of {} distinct nodes do not compute what they should; the first, {}: {}", bad,
                  report.nodes.size(), probe::name_of(worst->verdict), finding(*worst)),
      "`lapidary targets` says which forms are right; leave the node in float with "
      "nodes_to_exclude, or compile all the same with --no-probe");
}

}  // namespace

Result<probe::ProbeReport> probe_component(const PlannedComponent& component,
                                           const target::Target& chip, const HtpOptions& options,
                                           const fs::path& staging, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const htp::Libraries libraries, htp::find_libraries(options.qnn_libs));
  LAP_ASSIGN_OR_RETURN(const htp::Emulator emulator,
                       htp::Emulator::create(libraries, chip, {.cancel = work.cancel}));
  std::vector<graph::Graph> graphs;
  for (const PlannedGraph& each : component.graphs) graphs.push_back(each.graph);
  const fs::path folder = staging / (component.name + ".probe");
  probe::ProbeSettings settings;
  settings.work = work;
  settings.cache = options.cache;
  settings.cache_bytes = options.cache_bytes;
  auto report = probe::probe_nodes(graphs, emulator, folder, settings);
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  LAP_RETURN_IF_ERROR(report);
  LAP_RETURN_IF_ERROR(judge(component.name, *report, chip, work));
  return report;
}

}  // namespace lapidary::build
