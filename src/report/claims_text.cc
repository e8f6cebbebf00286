#include "report/claims_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "report/table.h"

namespace lapidary::report {
namespace {

using htp::NodeClaim;
using htp::NodeClaims;
using htp::ReportedGraph;
using Place = NodeClaim::Place;

// How a node runs: QNN operators, dtype of the result, storage of its constants.
std::vector<std::string> cells_of(const NodeClaim& node) {
  std::vector<std::string> parts;
  for (const htp::QnnNode& part : node.qnn) parts.push_back(part.type);
  std::string qnn = fmt::format("{}", fmt::join(parts, " + "));
  if (node.place != Place::kHtp)
    qnn = node.place == Place::kCpu ? "on the CPU" : name_of(node.place);
  std::set<std::string> kinds;
  for (const NodeClaim::Constant& constant : node.constants) {
    kinds.insert(constant.dtype + (constant.encoding.empty() ? "" : " " + constant.encoding));
  }
  return {node.op, qnn, node.dtype, fmt::format("{}", fmt::join(kinds, ", "))};
}

std::string totals_text(const ReportedGraph& graph) {
  const NodeClaims& claims = graph.claims;
  std::string out = graph.component;
  if (graph.role != contract::Role::kModel) {
    out += fmt::format(" {}, part {}", name_of(graph.role), graph.part);
  }
  return fmt::format(
      "{}: {} on the HTP: {} nodes, {} folded into encodings, {} merged into others, {} on the "
      "CPU; {} QNN nodes\n",
      out, percent_text(claims.percent_on_htp()), claims.count(Place::kHtp),
      claims.count(Place::kFolded), claims.count(Place::kMerged), claims.count(Place::kCpu),
      claims.qnn_nodes());
}

std::string summary_text(const NodeClaims& claims) {
  std::map<std::vector<std::string>, size_t> counts;
  for (const NodeClaim& node : claims.nodes) ++counts[cells_of(node)];
  std::vector<std::pair<std::vector<std::string>, size_t>> rows(counts.begin(), counts.end());
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  Table table({"  nodes", "op", "on the HTP", "result", "constants"});
  for (const auto& [cells, count] : rows) {
    table.row({fmt::format("  {}", count), cells[0], cells[1], cells[2], cells[3]});
  }
  return table.text();
}

std::string nodes_text(const NodeClaims& claims) {
  Table table({"  node", "op", "on the HTP", "result", "constants"});
  for (const NodeClaim& node : claims.nodes) {
    const std::vector<std::string> cells = cells_of(node);
    table.row({"  " + node.name, cells[0], cells[1], cells[2], cells[3]});
  }
  return table.text();
}

}  // namespace

// 99.96 is 99.9.
std::string percent_text(double percent) {
  const auto tenths = static_cast<int64_t>(std::floor(percent * 10));
  return fmt::format("{}.{} %", tenths / 10, tenths % 10);
}

std::string claims_text(const htp::ClaimsReport& report, bool every_node) {
  std::string out = "compiled for " + report.target + "\n";
  for (const ReportedGraph& graph : report.graphs) {
    const NodeClaims& claims = graph.claims;
    out += "\n" + totals_text(graph) + (every_node ? nodes_text(claims) : summary_text(claims));
    for (const htp::QnnNode& added : claims.added) {
      out += fmt::format("  added by the compiler: {} '{}'\n", added.type, added.name);
    }
    for (const std::string& node : claims.cpu_nodes()) {
      out += fmt::format("  on the CPU: '{}'\n", node);
    }
  }
  return out;
}

}  // namespace lapidary::report
