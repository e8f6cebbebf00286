#include "build/plan_findings.h"

#include <fmt/core.h>

#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "target/legality.h"

namespace lapidary::build {
namespace {

constexpr const char* kLowerPrefix = "Lower";  // of the names of passes that lower an operator

// Findings of one kind.
using Kind = std::tuple<target::Verdict, std::string, std::string, std::string>;
struct Group {
  target::Finding first;
  std::set<std::string> nodes;
};

}  // namespace

void add_lowerings(const PlannedComponent& component, std::vector<Lowering>& out) {
  const std::string prefix = kLowerPrefix;
  for (const PassReport& pass : component.passes) {
    if (!pass.type.starts_with(prefix) || pass.rewritten == 0) continue;
    out.push_back({component.name, pass.name, pass.type.substr(prefix.size()), pass.rewritten, "",
                   pass.type + " writes them in plain operators"});
  }
}

Result<std::vector<graph::FixedShapes>> compiled_shapes(const PlannedComponent& component) {
  std::vector<graph::FixedShapes> out;
  for (const PlannedGraph& each : component.graphs) {
    auto shapes = graph::infer_shapes(each.graph);
    if (!shapes.ok()) {
      if (shapes.error().kind != ErrorKind::kBadInput) return shapes.take_error();
      return bad_input(each.record.file, shapes.error().what,
                       "add StaticLLM for the decoder, or compile other components");
    }
    out.push_back(std::move(shapes).value());
  }
  return out;
}

Status add_findings(const PlannedComponent& component,
                    const std::vector<graph::FixedShapes>& shapes, const target::Target& chip,
                    std::vector<Lowering>& lowerings, std::vector<Objection>& objections) {
  LAP_ASSIGN_OR_RETURN(const target::Record record, target::record_of(chip.arch));
  std::map<Kind, Group> groups;
  for (size_t i = 0; i < component.graphs.size(); ++i) {
    for (target::Finding& finding :
         target::check(component.graphs[i].graph, record, shapes[i].shapes)) {
      Group& group = groups[{finding.verdict, finding.op, finding.rule, finding.reason}];
      group.nodes.insert(finding.node);
      if (group.first.node.empty()) group.first = std::move(finding);
    }
  }
  for (auto& [kind, group] : groups) {
    target::Finding& first = group.first;
    const auto nodes = static_cast<int64_t>(group.nodes.size());
    if (first.verdict == target::Verdict::kLowered) {
      lowerings.push_back({component.name, "compiler", first.op, nodes, first.node, first.reason});
    } else {
      objections.push_back({component.name, first.op, first.verdict, first.rule, nodes, first.node,
                            first.reason, first.remedy});
    }
  }
  return {};
}

std::string text_of(const Objection& objection) {
  return fmt::format("{}: {}, {} {} ({}): {}: {}{}{}", objection.component, objection.op,
                     objection.nodes, objection.nodes == 1 ? "node" : "nodes", objection.example,
                     target::name_of(objection.verdict), objection.reason,
                     objection.remedy.empty() ? "" : "; ", objection.remedy);
}

std::vector<std::string> warnings(const PlanReport& report) {
  std::vector<std::string> out;
  if (!report.chip) return out;
  for (const Objection& each : report.objections) {
    const bool refused = each.verdict == target::Verdict::kRefused;
    if (!refused && each.verdict != target::Verdict::kWrong) continue;
    out.push_back(
        fmt::format("warning: {} objects to {}", target::name_of(*report.chip), text_of(each)));
  }
  return out;
}

}  // namespace lapidary::build
