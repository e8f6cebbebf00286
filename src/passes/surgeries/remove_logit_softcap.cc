#include "passes/surgeries/remove_logit_softcap.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "contract/notes.h"
#include "graph/fresh_names.h"
#include "passes/rewrite/value_edges.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;

struct Softcap {
  std::string uncapped;
  float cap = 0;
};

// x, when `value` is x / cap or x * (1 / cap).
std::optional<std::string> divided_by(const Graph& graph, const std::string& value, float cap) {
  if (const Node* quotient = producer_of(graph, value, "Div")) {
    if (scalar_of(graph, quotient->inputs[1]) == cap) return quotient->inputs[0];
  }
  if (const Node* product = producer_of(graph, value, "Mul")) {
    for (const std::string& input : product->inputs) {
      const std::optional<float> factor = scalar_of(graph, input);
      if (factor && std::fabs(*factor * cap - 1.0F) < 1e-6F) return other_input(*product, input);
    }
  }
  return std::nullopt;
}

std::optional<Softcap> softcap_of(const Graph& graph, const std::string& output) {
  const Node* product = producer_of(graph, output, "Mul");
  if (product == nullptr) return std::nullopt;
  for (const std::string& input : product->inputs) {
    const std::optional<float> cap = scalar_of(graph, input);
    const Node* tanh = producer_of(graph, other_input(*product, input), "Tanh");
    if (!cap || !(*cap > 0) || tanh == nullptr) continue;
    if (auto uncapped = divided_by(graph, tanh->inputs[0], *cap)) return Softcap{*uncapped, *cap};
  }
  return std::nullopt;
}

// The output takes the place of x, unless x has a name of its own that must stay, or a body has a
// value of the output's name.
Status end_before(Graph& graph, const std::string& output, const Softcap& softcap) {
  std::erase_if(graph.nodes, [&](const Node& node) {
    return !node.outputs.empty() && node.outputs[0] == output;
  });
  if (graph.is_input(softcap.uncapped) || graph.is_output(softcap.uncapped) ||
      graph.constant(softcap.uncapped) != nullptr || is_value_of_body(graph, output)) {
    const std::string name = graph::FreshNames(graph).fresh(output + "/Identity");
    graph.nodes.push_back({"", "Identity", name, {softcap.uncapped}, {output}, {}});
  } else {
    LAP_RETURN_IF_ERROR(rename_value(graph, softcap.uncapped, output));
  }
  graph.metadata[contract::notes::kHostLogitSoftcap] =
      Json(static_cast<double>(softcap.cap)).dump();
  return {};
}

}  // namespace

Result<PassOutcome> remove_logit_softcap(Graph graph) {
  PassOutcome out;
  for (const graph::ValueInfo& port : graph.outputs) {
    const std::string name = port.name;
    if (!readers_of(graph, name).empty()) continue;
    if (const std::optional<Softcap> softcap = softcap_of(graph, name)) {
      LAP_RETURN_IF_ERROR(end_before(graph, name, *softcap));
      ++out.rewritten;
    }
  }
  if (out.rewritten == 0) {
    out.declined.push_back({graph.name, "no output ends in a soft-cap, cap * tanh(x / cap)"});
  }
  graph::remove_unused(graph);
  out.graph = std::move(graph);
  return out;
}

BoundPass bind_remove_logit_softcap(JsonReader& reader) {
  reader.reject_unknown("this pass has no options");
  return per_graph("RemoveLogitSoftcap", Json::object(), &remove_logit_softcap);
}

}  // namespace lapidary::passes
