#include "target/legality.h"

#include <fmt/core.h>

#include <map>
#include <optional>

#include "target/conditions.h"

namespace lapidary::target {
namespace {

using graph::Node;

using RulesByOp = std::map<std::string, std::vector<const Rule*>>;

bool is_bad(Verdict verdict) { return verdict == Verdict::kRefused || verdict == Verdict::kWrong; }

Finding finding_of(const Node& node, const Rule& rule) {
  return {node.name, node.qualified_op(), rule.id, rule.verdict, rule.reason, rule.remedy};
}

// The form of the rule says what would have to be known.
Finding untold(const Node& node, const Rule& rule) {
  return {node.name,
          node.qualified_op(),
          rule.id,
          Verdict::kUnmeasured,
          fmt::format("a shape, dtype or zero point is not known, so that nobody can tell whether "
                      "it is {} ({})",
                      name_of(rule.verdict), describe(rule)),
          "make the graph static first, and its zero points constants"};
}

Finding unheard_of(const Node& node) {
  return {node.name,
          node.qualified_op(),
          "",
          Verdict::kUnmeasured,
          "no rule speaks of this form",
          "fold it or write it in a form that the target's rules name, or measure it alone"};
}

void check_node(const Node& node, const std::vector<const Rule*>& rules, const GraphFacts& facts,
                std::vector<Finding>& out) {
  bool bad = false;
  const Rule* accepted = nullptr;
  const Rule* unknown = nullptr;  // of those that would accept it
  std::vector<const Rule*> unknown_bad;
  for (const Rule* rule : rules) {
    const Truth truth = holds(*rule, node, facts);
    if (truth == Truth::kNo) continue;
    if (is_bad(rule->verdict)) {
      if (truth == Truth::kYes) {
        out.push_back(finding_of(node, *rule));
        bad = true;
      } else {
        unknown_bad.push_back(rule);
      }
    } else {
      const Rule*& first = truth == Truth::kYes ? accepted : unknown;
      if (first == nullptr) first = rule;
    }
  }
  if (bad) return;
  for (const Rule* rule : unknown_bad) out.push_back(untold(node, *rule));
  if (accepted != nullptr) {
    if (accepted->verdict == Verdict::kLowered) out.push_back(finding_of(node, *accepted));
  } else if (unknown_bad.empty()) {
    out.push_back(unknown != nullptr ? untold(node, *unknown) : unheard_of(node));
  }
}

}  // namespace

std::vector<Finding> check(const graph::Graph& graph, const Record& record, const Shapes& shapes) {
  const GraphFacts facts(graph, shapes);
  RulesByOp by_op;
  for (const Rule* rule : record.rules) {
    for (const std::string& op : rule->ops) by_op[op].push_back(rule);
  }
  std::vector<Finding> out;
  for (const auto* ports : {&graph.inputs, &graph.outputs}) {
    for (const graph::ValueInfo& port : *ports) {
      Node as_node;
      as_node.op_type = kGraphPort;
      as_node.name = port.name;
      as_node.inputs = {port.name};
      for (const Rule* rule : by_op[kGraphPort]) {
        if (holds(*rule, as_node, facts) == Truth::kYes) out.push_back(finding_of(as_node, *rule));
      }
    }
  }
  for (const Node& node : graph.nodes) {
    if (node.qualified_op() == "Constant") continue;
    check_node(node, by_op[node.qualified_op()], facts, out);
  }
  return out;
}

}  // namespace lapidary::target
