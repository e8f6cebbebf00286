// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "example.h"
#include "passes/graph_set.h"
#include "passes/pass.h"
#include "passes/rewrite/node_rewriter.h"
#include "passes/rewrite/opset_changes.h"
#include "passes/rewrite/raise_opset.h"
#include "passes/rewrite/value_edges.h"
#include "passes/static_quantization/calibration_requests.h"
#include "passes/static_quantization/static_quantization.h"

namespace lapidary::passes {

std::string graph_set_example(const GraphSet& set, const graph::Graph& graph) {
  // [passes/graph_set.h]
  for (const RoleGraph& each : set) use(each.role, each.part, each.graph);
  const std::string stem = file_stem({Role::kDecode, 1, graph});  // "decode.1"
  // [end]
  return stem;
}

graph::Graph node_rewriter_example(graph::Graph graph) {
  // [passes/rewrite/node_rewriter.h]
  NodeRewriter out(std::move(graph));
  for (graph::Node& node : out.take_nodes()) {
    if (node.op_type != "Swish") {
      out.keep(std::move(node));
      continue;
    }
    const auto at = out.under(node);  // "layers.0.mlp.act_fn"
    const std::string gate = out.op("Sigmoid", {node.inputs[0]}, at + ".gate");
    out.replace(node.outputs[0], out.op("Mul", {node.inputs[0], gate}, at));
  }
  graph = std::move(out).finish();
  // [end]
  return graph;
}

Status pass_example(JsonReader& reader, GraphSet graphs, const PassContext& context,
                    const std::string& where) {
  // [passes/pass.h]
  LAP_ASSIGN_OR_RETURN(const PassEntry* entry, find_pass("OnnxKQuantQuantization", where));
  BoundPass pass = entry->bind(reader);
  LAP_ASSIGN_OR_RETURN(SetOutcome outcome, pass.run(std::move(graphs), context));
  // [end]
  return {};
}

TEST(PassesExamples, OpsetChanges) {
  // [passes/rewrite/opset_changes.h]
  const std::vector<OpsetChange> changes = opset_changes("DFT", 17, 21);
  const Raise how = changes[0].how;  // kAxisToInput, since 20
  // [end]
  EXPECT_EQ(how, Raise::kAxisToInput);
}

Status raise_opset_example(graph::Graph& graph) {
  // [passes/rewrite/raise_opset.h]
  LAP_RETURN_IF_ERROR(raise_opset(graph, 21));
  // [end]
  return {};
}

Status calibration_requests_example(const PassContext& context,
                                    const CalibrationOptions& calibration,
                                    const StaticQuantizationOptions& options,
                                    const target::QuantizationTraits& traits,
                                    const GraphSet& graphs, const graph::Graph& observed) {
  // [passes/static_quantization/calibration_requests.h]
  const CalibrationRequests requests(context, calibration, options, traits);
  LAP_ASSIGN_OR_RETURN(const quant::Ranges ranges, requests.ranges(graphs, &observed));
  // [end]
  return {};
}

using CalibrateOfExample = std::function<Result<quant::Ranges>(const std::vector<std::string>&)>;

Status static_quantization_example(graph::Graph graph, const StaticQuantizationOptions& options,
                                   const target::QuantizationTraits& traits,
                                   const CalibrateOfExample& calibrate) {
  // [passes/static_quantization/static_quantization.h]
  LAP_ASSIGN_OR_RETURN(auto values, values_to_calibrate(graph, options, traits));
  LAP_ASSIGN_OR_RETURN(quant::Ranges ranges, calibrate(values));  // calibration/calibrate.h
  LAP_ASSIGN_OR_RETURN(PassOutcome out,
                       static_quantization(std::move(graph), ranges, options, traits));
  // [end]
  return {};
}

const graph::Node* value_edges_example(const graph::Graph& graph) {
  // [passes/rewrite/value_edges.h]
  const graph::Node* tanh = producer_of(graph, "logits", "Tanh");  // nullptr: not made by one
  // [end]
  return tanh;
}

TEST(PassesExamples, FileStem) { EXPECT_EQ(graph_set_example({}, {}), "decode.1"); }

TEST(PassesExamples, NodeRewriter) {
  graph::Builder b("swish");
  const graph::Ref x = b.input("x", DType::kFloat, {int64_t{4}});
  b.output("y", b.op("Swish", {x}, "layers.0.mlp.act_fn"), DType::kFloat, {int64_t{4}});
  const graph::Graph rewritten = node_rewriter_example(std::move(b).finish());
  ASSERT_EQ(rewritten.nodes.size(), 2U);
  EXPECT_EQ(rewritten.nodes[0].name, "layers.0.mlp.act_fn.gate/Sigmoid");
}

}  // namespace lapidary::passes
