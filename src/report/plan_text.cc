#include "report/plan_text.h"

#include <fmt/format.h>

#include "base/text.h"
#include "build/plan_findings.h"
#include "report/table.h"

namespace lapidary::report {
namespace {

using build::PlanReport;

std::string size(int64_t bytes) { return human_bytes(static_cast<uint64_t>(bytes)); }

std::string components(const PlanReport& report) {
  Table table({"component", "graph", "nodes", "weights", "bytes"});
  for (const build::ComponentCost& component : report.components) {
    for (const build::GraphCost& graph : component.graphs) {
      const bool only = graph.role == contract::Role::kModel;
      table.row({component.name,
                 name_of(graph.role) + (only ? "" : fmt::format(", part {}", graph.part)),
                 std::to_string(graph.nodes), size(graph.weight_bytes), size(graph.bytes())});
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
    table.row({each.name, std::to_string(each.nodes), size(each.weight_bytes),
               size(each.binary_bytes), size(each.compile_bytes)});
  }
  return "\n" + table.text();
}

std::string totals(const PlanReport& report) {
  Table table({"", ""});
  table.row({"package", size(report.package_bytes())});
  const build::BuildMemory& build = report.build;
  table.row({"memory to build", build.calibrating > build.saving
                                    ? fmt::format("{} (calibration; saving {})", size(build.peak()),
                                                  size(build.saving))
                                    : size(build.peak())});
  if (!report.contexts.empty()) table.row({"memory to compile", size(report.compile_bytes())});
  table.row({"keys and values",
             fmt::format("{} for {} positions", size(report.kv_bytes), report.context_length)});
  const build::TokenBytes& token = report.token;
  table.row({"read for a token", fmt::format("{}: decoder {}, keys and values {}, embedding {}",
                                             size(token.total()), size(token.decoder_weights),
                                             size(token.kv_cache), size(token.embedding))});
  return table.text();
}

std::string split(const PlanReport& report) {
  if (!report.split) return "";
  std::string out =
      fmt::format("\nsplit of {}: {}\n", report.split->component, report.split->reason);
  for (const build::SplitPart& part : report.split->parts) {
    out += fmt::format("  part {}: {}, {}{}{}\n", part.part, part.layers, size(part.weight_bytes),
                       part.receives.empty() ? "" : "; takes ", fmt::join(part.receives, ", "));
  }
  return out;
}

std::string lowered(const PlanReport& report) {
  std::string out;
  for (const build::Lowering& each : report.lowerings) {
    out += fmt::format("  {}, {}: {}, {}{}: {}\n", each.component, each.by, each.op,
                       counted(each.nodes, "node"),
                       each.example.empty() ? "" : fmt::format(" ({})", each.example), each.reason);
  }
  return out.empty() ? out : "\nlowered:\n" + out;
}

std::string objections(const PlanReport& report) {
  if (!report.chip) return "";
  const std::string chip = target::name_of(*report.chip);
  if (report.objections.empty()) {
    return fmt::format("\nnothing that {} is known to refuse\n", chip);
  }
  std::string out = fmt::format("\n{} objects to:\n", chip);
  for (const build::Objection& each : report.objections) {
    out += "  " + build::text_of(each) + "\n";
  }
  return out;
}

}  // namespace

std::string plan_text(const PlanReport& report) {
  return components(report) + contexts(report) + totals(report) + split(report) + lowered(report) +
         objections(report);
}

std::string notes_text(const std::vector<std::string>& notes) {
  std::string out;
  for (const std::string& note : notes) out += "note: " + note + "\n";
  return out;
}

std::string comparison_text(const std::vector<build::Compared>& rows) {
  Table table({"", "", "planned", "measured", ""});
  for (const build::Compared& row : rows) {
    table.row({row.name, row.what, size(row.planned), size(row.measured),
               fmt::format("{:+.1f} %", 100 * row.off())});
  }
  return table.text();
}

}  // namespace lapidary::report
