#include "report/plan_text.h"

#include <cstdio>

#include "base/text.h"
#include "report/table.h"

namespace lapidary::report {
namespace {

using build::PlanReport;

std::string size(int64_t bytes) { return human_bytes(static_cast<uint64_t>(bytes)); }
std::string number(int64_t value) { return std::to_string(value); }

std::string components(const PlanReport& report) {
  Table table({"component", "graph", "nodes", "weights", "bytes"});
  for (const build::ComponentCost& component : report.components) {
    for (const build::GraphCost& graph : component.graphs) {
      const bool only = graph.role == contract::Role::kModel;
      table.row({component.name,
                 std::string(name_of(graph.role)) + (only ? "" : ", part " + number(graph.part)),
                 number(graph.nodes), size(graph.weight_bytes), size(graph.bytes())});
    }
    if (component.graphs.size() > 1)
      table.row({component.name, "all", "", "", size(component.bytes())});
  }
  return table.text();
}

std::string contexts(const PlanReport& report) {
  if (report.contexts.empty()) return "";
  Table table({"context", "nodes", "weights", "bytes", "memory to compile"});
  for (const build::ContextCost& each : report.contexts) {
    table.row({each.name, number(each.nodes), size(each.weight_bytes), size(each.binary_bytes),
               size(each.compile_bytes)});
  }
  return "\n" + table.text();
}

std::string totals(const PlanReport& report) {
  Table table({"", ""});
  table.row({"package", size(report.package_bytes())});
  const build::BuildMemory& build = report.build;
  table.row({"memory to build",
             size(build.peak()) + (build.calibrating > build.saving
                                       ? " (calibration; saving " + size(build.saving) + ")"
                                       : "")});
  if (!report.contexts.empty()) table.row({"memory to compile", size(report.compile_bytes())});
  table.row({"keys and values",
             size(report.kv_bytes) + " for " + number(report.context_length) + " positions"});
  const build::TokenBytes& token = report.token;
  table.row({"read for a token", size(token.total()) + ": decoder " + size(token.decoder_weights) +
                                     ", keys and values " + size(token.kv_cache) + ", embedding " +
                                     size(token.embedding)});
  return table.text();
}

std::string split(const PlanReport& report) {
  if (!report.split) return "";
  std::string out = "\nsplit of " + report.split->component + ": " + report.split->reason + "\n";
  for (const build::SplitPart& part : report.split->parts) {
    out += "  part " + number(part.part) + ": " + part.layers + ", " + size(part.weight_bytes);
    std::string names;
    for (const std::string& name : part.receives) names += (names.empty() ? "" : ", ") + name;
    out += (names.empty() ? "" : "; takes " + names) + "\n";
  }
  return out;
}

std::string lowered(const PlanReport& report) {
  std::string out;
  for (const build::Lowering& each : report.lowerings) {
    out += "  " + each.component + ", " + each.by + ": " + each.op + ", " +
           counted(each.nodes, "node") + (each.example.empty() ? "" : " (" + each.example + ")") +
           ": " + each.reason + "\n";
  }
  return out.empty() ? out : "\nlowered:\n" + out;
}

std::string objections(const PlanReport& report) {
  if (!report.chip) return "";
  const std::string chip = target::name_of(*report.chip);
  if (report.objections.empty()) return "\nnothing that " + chip + " is known to refuse\n";
  std::string out = "\n" + chip + " objects to:\n";
  for (const build::Objection& each : report.objections) {
    out += "  " + each.component + ": " + each.op + ", " + counted(each.nodes, "node") + " (" +
           each.example + "): " + target::name_of(each.verdict) + ": " + each.reason +
           (each.remedy.empty() ? "" : "; " + each.remedy) + "\n";
  }
  return out;
}

}  // namespace

std::string plan_text(const PlanReport& report) {
  return components(report) + contexts(report) + totals(report) + split(report) + lowered(report) +
         objections(report);
}

std::string comparison_text(const std::vector<build::Compared>& rows) {
  Table table({"", "", "planned", "measured", ""});
  for (const build::Compared& row : rows) {
    char off[32];
    std::snprintf(off, sizeof off, "%+.1f %%", 100 * row.off());
    table.row({row.name, row.what, size(row.planned), size(row.measured), off});
  }
  return table.text();
}

}  // namespace lapidary::report
