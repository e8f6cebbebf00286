#include "passes/fixed_shapes/lower_rms_norm.h"

#include <cstddef>
#include <limits>
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

// [a, b, c, d] -> [a, b * c, d] for rank 3; `shape` has a higher one, and 2 is the least.
Shape of_rank(size_t rank, const Shape& shape) {
  Shape out(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(rank - 2));
  out.push_back(1);
  for (size_t i = rank - 2; i + 1 < shape.size(); ++i) out.back() *= shape[i];
  out.push_back(shape.back());
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

Result<PassOutcome> lower_rms_norm(Graph graph, const target::QuantizationTraits& traits) {
  if (traits.largest_norm_rank.value_or(2) < 2) {
    return bad_input(traits.target, "largest_norm_rank is less than 2");
  }
  // Without a largest rank, none is too large.
  const size_t largest = traits.largest_norm_rank ? static_cast<size_t>(*traits.largest_norm_rank)
                                                  : std::numeric_limits<size_t>::max();
  LAP_ASSIGN_OR_RETURN(const graph::FixedShapes known, graph::infer_shapes(graph));
  PassOutcome outcome;
  NodeRewriter out(std::move(graph));
  for (Node& node : out.take_nodes()) {
    const Shape& shape = known.shapes.at(node.inputs.empty() ? node.outputs[0] : node.inputs[0]);
    if (node.qualified_op() != "RMSNormalization" || shape.size() <= largest) {
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
    node.inputs[0] = out.op("Reshape", {node.inputs[0], out.integers(of_rank(largest, shape))}, at);
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
  return per_graph_of_target("LowerRMSNormalization", Json::object(),
                             [](Graph graph, const target::QuantizationTraits& traits) {
                               return lower_rms_norm(std::move(graph), traits);
                             });
}

}  // namespace lapidary::passes
