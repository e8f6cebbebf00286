#include "passes/pass.h"

#include <algorithm>
#include <utility>

namespace lapidary::passes {
namespace {

bool lists(const std::vector<Declined>& all, const Declined& declined) {
  return std::any_of(all.begin(), all.end(), [&](const Declined& each) {
    return each.node == declined.node && each.reason == declined.reason;
  });
}

// `of`: what each graph declined.
std::vector<Declined> merged(const std::vector<std::vector<Declined>>& of) {
  std::vector<Declined> out;
  for (const std::vector<Declined>& one : of) {
    for (const Declined& each : one) {
      const bool counts = !each.absent || std::all_of(of.begin(), of.end(),
                                                      [&](const std::vector<Declined>& other) {
                                                        return lists(other, each);
                                                      });
      if (counts && !lists(out, each)) out.push_back(each);
    }
  }
  return out;
}

using Run = std::function<Result<PassOutcome>(graph::Graph)>;

Result<SetOutcome> run_on_each(GraphSet graphs, const Run& run) {
  SetOutcome out;
  std::vector<std::vector<Declined>> declined;
  for (RoleGraph& member : graphs) {
    LAP_ASSIGN_OR_RETURN(PassOutcome outcome, run(std::move(member.graph)));
    out.graphs.push_back({member.role, member.part, std::move(outcome.graph)});
    out.rewritten += outcome.rewritten;
    out.grids.add(outcome.grids);
    declined.push_back(std::move(outcome.declined));
  }
  out.declined = merged(declined);
  return out;
}

}  // namespace

void GridUse::add(const GridUse& other) {
  kept.insert(other.kept.begin(), other.kept.end());
  rounded.insert(other.rounded.begin(), other.rounded.end());
  without.insert(other.without.begin(), other.without.end());
}

Declined absent(std::string name, std::string reason) {
  return {.node = std::move(name), .reason = std::move(reason), .absent = true};
}

Result<target::QuantizationTraits> traits_in(const PassContext& context, const std::string& type) {
  if (context.traits) return *context.traits;
  return internal_error(type, "no target is named", "set PassContext::traits");
}

BoundPass per_graph(std::string type, Json options, Run run) {
  const auto each = [run = std::move(run)](GraphSet graphs, const PassContext& /*context*/) {
    return run_on_each(std::move(graphs), run);
  };
  return {std::move(type), std::move(options), each};
}

BoundPass per_graph_of_target(std::string type, Json options, TargetedRun run) {
  const auto each = [type, run = std::move(run)](GraphSet graphs,
                                                 const PassContext& context) -> Result<SetOutcome> {
    LAP_ASSIGN_OR_RETURN(const target::QuantizationTraits traits, traits_in(context, type));
    return run_on_each(std::move(graphs),
                       [&](graph::Graph graph) { return run(std::move(graph), traits); });
  };
  return {std::move(type), std::move(options), each};
}

}  // namespace lapidary::passes
