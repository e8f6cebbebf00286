#include "passes/fixed_shapes/lower_rms_norm.h"

#include <string>
#include <utility>

#include "graph/fixed_shapes.h"
#include "passes/fixed_shapes/fold_layout.h"
#include "passes/rewrite/node_rewriter.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Shape;

constexpr size_t kLargestRank = 3;

// [a, b, c, d] -> [a, b * c, d]
Shape rank_3(const Shape& shape) {
  Shape out = {shape.front(), 1, shape.back()};
  for (size_t i = 1; i + 1 < shape.size(); ++i) out[1] *= shape[i];
  return out;
}

std::string reason_against(const Graph& graph, const Node& node, const Shape& shape) {
  const int64_t axis = node.int_attribute("axis", -1);
  const bool last = axis == -1 || axis == static_cast<int64_t>(shape.size()) - 1;
  if (!last) return "it norms over several axes";
  if (graph.is_output(node.outputs[0])) return "it yields an output of the graph";
  return "";
}

}  // namespace

Result<PassOutcome> lower_rms_norm(Graph graph) {
  LAP_ASSIGN_OR_RETURN(const graph::FixedShapes known, graph::infer_shapes(graph));
  PassOutcome outcome;
  NodeRewriter out(std::move(graph));
  for (Node& node : out.take_nodes()) {
    const Shape& shape = known.shapes.at(node.inputs.empty() ? node.outputs[0] : node.inputs[0]);
    if (node.qualified_op() != "RMSNormalization" || shape.size() <= kLargestRank) {
      out.keep(std::move(node));
      continue;
    }
    const std::string reason = reason_against(out.graph(), node, shape);
    if (!reason.empty()) {
      outcome.declined.push_back({node.name, reason});
      out.keep(std::move(node));
      continue;
    }
    // The norm keeps its name; its readers move on to the Reshape behind it.
    const std::string at = NodeRewriter::under(node);
    const std::string result = node.outputs[0];
    node.inputs[0] = out.op("Reshape", {node.inputs[0], out.integers(rank_3(shape))}, at);
    node.attributes["axis"] = int64_t{-1};
    out.keep(std::move(node));
    out.replace(result, out.op("Reshape", {result, out.integers(shape)}, at));
    ++outcome.rewritten;
  }
  LAP_ASSIGN_OR_RETURN(PassOutcome folded, fold_layout(std::move(out).finish()));
  outcome.graph = std::move(folded.graph);
  return outcome;
}

BoundPass bind_lower_rms_norm(JsonReader& reader) {
  reader.reject_unknown("this pass has no options");
  return per_graph("LowerRMSNormalization", Json::object(),
                   [](Graph graph) { return lower_rms_norm(std::move(graph)); });
}

}  // namespace lapidary::passes
