#include "passes/pass.h"

#include <algorithm>
#include <utility>

namespace lapidary::passes {
namespace {

void add(std::vector<Declined>& all, Declined declined) {
  const bool known = std::any_of(all.begin(), all.end(), [&](const Declined& each) {
    return each.node == declined.node && each.reason == declined.reason;
  });
  if (!known) all.push_back(std::move(declined));
}

}  // namespace

BoundPass per_graph(std::string type, Json options,
                    std::function<Result<PassOutcome>(graph::Graph)> run) {
  const auto each = [run = std::move(run)](GraphSet graphs,
                                           const PassContext& /*context*/) -> Result<SetOutcome> {
    SetOutcome out;
    for (RoleGraph& member : graphs) {
      LAP_ASSIGN_OR_RETURN(PassOutcome outcome, run(std::move(member.graph)));
      out.graphs.push_back({member.role, member.part, std::move(outcome.graph)});
      out.rewritten += outcome.rewritten;
      for (Declined& declined : outcome.declined) add(out.declined, std::move(declined));
    }
    return out;
  };
  return {std::move(type), std::move(options), each};
}

}  // namespace lapidary::passes
