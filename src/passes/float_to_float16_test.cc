// OnnxFloatToFloat16 as a graph rewrite. That what it makes runs and computes the same is shown by
// the perplexities in docs/recipes.md.
#include "passes/float_to_float16.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "graph/builder.h"
#include "graph/dtype_inference.h"
#include "passes/test_graphs.h"
#include "passes/weight_only/kquant_quantization.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Node;
using graph::Ref;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// y = Tanh(x w + w); z = Shape-derived integers stay integers.
Graph model() {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"n", int64_t{2}});
  const Ref w = b.weight("w", tensor::floats({2, 2}, {1.0f, -2.0f, 1e-9f, 70000.0f}));
  const Ref product = b.op("MatMul", {x, w}, "proj");
  const Ref sum = b.op("Add", {product, w}, "sum");
  b.output("y", b.op("Tanh", {sum}, "act"), DType::kFloat, {"n", int64_t{2}});
  b.output("z", b.op("Shape", {x}, "shape"), DType::kInt64, {int64_t{2}});
  return std::move(b).finish();
}

PassOutcome convert(const FloatToFloat16Options& options) {
  auto outcome = float_to_float16(model(), options);
  EXPECT_TRUE(outcome.ok()) << outcome.error().message();
  EXPECT_TRUE(graph::check(outcome->graph).ok());
  return std::move(*outcome);
}

// No node may mix float16 and float32, whatever was blocked: ONNX Runtime would refuse the graph.
void expect_no_mixing(const Graph& graph) {
  const auto dtypes = graph::infer_dtypes(graph);
  ASSERT_TRUE(dtypes.ok());
  for (const Node& node : graph.nodes) {
    if (node.op_type == "Cast") continue;
    std::set<DType> seen;
    for (const std::string& input : node.inputs) seen.insert(dtypes->at(input));
    EXPECT_THAT(seen, SizeIs(1)) << node.name;
  }
  for (const graph::ValueInfo& output : graph.outputs) {
    EXPECT_EQ(dtypes->at(output.name), output.dtype) << output.name;
  }
}

TEST(FloatToFloat16, ConvertsEverything) {
  const PassOutcome outcome = convert({});
  EXPECT_THAT(ops(outcome.graph), ElementsAre("MatMul", "Add", "Tanh", "Shape"));
  EXPECT_EQ(outcome.graph.inputs[0].dtype, DType::kFloat16);
  EXPECT_EQ(outcome.graph.outputs[0].dtype, DType::kFloat16);
  EXPECT_EQ(outcome.graph.outputs[1].dtype, DType::kInt64);
  EXPECT_EQ(outcome.graph.initializers.at("w").dtype(), DType::kFloat16);
  EXPECT_THAT(outcome.graph.initializers, SizeIs(1));  // no second copy of the weight
  EXPECT_TRUE(outcome.declined.empty());
  expect_no_mixing(outcome.graph);
}

TEST(FloatToFloat16, KeepsInputsAndOutputs) {
  FloatToFloat16Options options;
  options.keep_io_types = true;
  const PassOutcome outcome = convert(options);
  EXPECT_EQ(outcome.graph.inputs[0].dtype, DType::kFloat);
  EXPECT_EQ(outcome.graph.outputs[0].dtype, DType::kFloat);
  EXPECT_EQ(outcome.graph.outputs[0].name, "y");
  EXPECT_THAT(ops(outcome.graph), ElementsAre("Cast", "MatMul", "Add", "Tanh", "Shape", "Cast"));
  expect_no_mixing(outcome.graph);
}

// The weight is read by a float16 node and by a float32 one: each gets its own.
TEST(FloatToFloat16, LeavesBlockedNodes) {
  for (const bool by_op : {true, false}) {
    FloatToFloat16Options options;
    if (by_op) options.op_block_list = {"Add"};
    if (!by_op) options.node_block_list = {"su*"};
    const PassOutcome outcome = convert(options);
    ASSERT_THAT(outcome.declined, SizeIs(1));
    EXPECT_EQ(outcome.declined[0].node, "sum/Add");
    EXPECT_EQ(outcome.graph.initializers.at("w").dtype(), DType::kFloat);
    EXPECT_EQ(outcome.graph.initializers.at("w_float16").dtype(), DType::kFloat16);
    EXPECT_THAT(ops(outcome.graph), ElementsAre("MatMul", "Cast", "Add", "Cast", "Tanh", "Shape"));
    expect_no_mixing(outcome.graph);
  }
}

TEST(FloatToFloat16, BlockedProducerOfAnOutput) {
  FloatToFloat16Options options;
  options.op_block_list = {"Tanh"};
  const PassOutcome outcome = convert(options);
  EXPECT_EQ(outcome.graph.outputs[0].dtype, DType::kFloat16);
  expect_no_mixing(outcome.graph);
}

// A Cast between a cache and its graph input breaks ONNX Runtime's buffer sharing.
TEST(FloatToFloat16, CachesAreNotCastWhenTheyStayFloat32) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"n"});
  const Ref past = b.input("past", DType::kFloat, {"m"});
  const auto out =
      b.multi_op(graph::kMicrosoftDomain, "GroupQueryAttention", {x, x, x, past, past}, 3, "a", {});
  b.output("y", b.op("Tanh", {out[0]}), DType::kFloat, {"n"});
  b.output("present", out[1], DType::kFloat, {"m"});
  FloatToFloat16Options options;
  options.keep_io_types = true;
  const auto outcome = float_to_float16(std::move(b).finish(), options);
  ASSERT_TRUE(outcome.ok());
  EXPECT_THAT(ops(outcome->graph), ElementsAre("GroupQueryAttention", "Cast", "Tanh", "Cast"));
  EXPECT_EQ(outcome->graph.nodes[0].inputs[3], "past");
  EXPECT_EQ(outcome->graph.nodes[0].outputs[1], "present");
}

// Codes and scales are one expression; converting the scales alone read past it.
TEST(FloatToFloat16, QuantizedNodesStayAsTheyAre) {
  auto quantized = kquant_quantization(model(), {});
  ASSERT_TRUE(quantized.ok());
  ASSERT_EQ(quantized->rewritten, 1);
  const auto outcome = float_to_float16(std::move(quantized->graph), {});
  ASSERT_TRUE(outcome.ok());
  ASSERT_THAT(outcome->declined, SizeIs(1));
  EXPECT_EQ(outcome->declined[0].node, "proj/MatMul");
  EXPECT_EQ(outcome->graph.initializers.at("w_scales").dtype(), DType::kFloat);
  for (const auto& [name, tensor] : outcome->graph.initializers) {
    EXPECT_TRUE(tensor.materialize().ok()) << name;
  }
}

// The other way round the scales would not have the activations' dtype.
TEST(FloatToFloat16, QuantizersDeclineWhatItMade) {
  const auto outcome = kquant_quantization(convert({}).graph, {});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->rewritten, 0);
  ASSERT_THAT(outcome->declined, SizeIs(1));
  EXPECT_EQ(outcome->declined[0].reason, "the weight is float16: quantize before converting");
}

TEST(FloatToFloat16, ZerosMadeByTheGraphFollow) {
  Builder b("g");
  const Ref n = b.input("n", DType::kInt64, {int64_t{1}});
  b.output("y", b.op("ConstantOfShape", {n}), DType::kFloat, {"n"});
  const auto outcome = float_to_float16(std::move(b).finish(), {});
  ASSERT_TRUE(outcome.ok());
  expect_no_mixing(outcome->graph);
  EXPECT_EQ(outcome->graph.outputs[0].dtype, DType::kFloat16);
}

TEST(FloatToFloat16, BadOptionsAreNamed) {
  const Bind bind = &bind_float_to_float16;
  EXPECT_EQ(verdict(bind, R"({"use_symbolic_shape_infer": true, "op_block_list": ["Add"]})"),
            "accepted");
  EXPECT_EQ(bound(bind, R"({"node_block_list": ["su*"]})")->options.at("node_block_list"),
            Json::array({"su*"}));
  EXPECT_THAT(verdict(bind, R"({"max_finite_val": 1e6})"), HasSubstr("max_finite_val"));
  EXPECT_THAT(verdict(bind, R"({"min_positive_val": 0})"), HasSubstr("min_positive_val"));
  EXPECT_THAT(verdict(bind, R"({"nodes_to_exclude": ["su*"]})"), HasSubstr("node_block_list"));
}

}  // namespace
}  // namespace lapidary::passes
