// OnnxFloatToFloat16 as a graph rewrite. That what it makes runs and computes the same is shown by
// the perplexities in docs/recipes.md.
#include "passes/float_to_float16.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "graph/builder.h"
#include "graph/dtype_inference.h"
#include "graph/testing/bodies.h"
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

// x, float [3], to y; `nodes` of the opset between them.
Graph foreign(int64_t opset, std::vector<Node> nodes) {
  Graph graph;
  graph.name = "g";
  graph.opsets = {{"", opset}};
  graph.inputs = {{"x", DType::kFloat, {int64_t{3}}}, {"c", DType::kBool, {}}};
  graph.outputs = {{"y", DType::kFloat, {int64_t{3}}}};
  graph.nodes = std::move(nodes);
  return graph;
}

PassOutcome converted(Graph graph, bool keep_io_types = false) {
  FloatToFloat16Options options;
  options.keep_io_types = keep_io_types;
  return checked(float_to_float16(std::move(graph), options));
}

// Would catch an output that is looked for among the nodes alone.
TEST(FloatToFloat16, AWeightMayBeAnOutput) {
  for (const bool is_read : {false, true}) {
    for (const bool is_read_in_full : {false, true}) {
      for (const bool keep_io_types : {false, true}) {
        Graph graph = foreign(17, {{"", "Relu", "relu", {"x"}, {"y"}, {}}});
        graph.initializers["w"] = tensor::floats({3}, {1, 2, 3});
        graph.outputs.push_back({"w", DType::kFloat, {int64_t{3}}});
        if (is_read) graph.nodes.push_back({"", "Add", "add", {"y", "w"}, {"z"}, {}});
        if (is_read) graph.outputs.push_back({"z", DType::kFloat, {int64_t{3}}});
        if (is_read_in_full) graph.nodes.push_back({"my", "F", "f", {"w"}, {"v"}, {}});
        if (is_read_in_full) graph.outputs.push_back({"v", DType::kFloat, {int64_t{3}}});
        const Graph made = converted(std::move(graph), keep_io_types).graph;
        const DType wanted = keep_io_types ? DType::kFloat : DType::kFloat16;
        EXPECT_EQ(made.outputs[1].name, "w");
        EXPECT_EQ(made.outputs[1].dtype, wanted);
        EXPECT_EQ(graph::known_dtypes(made).at("w"), wanted);
        if (!is_read_in_full) continue;
        const std::string& full = node_named(made, "f").inputs[0];
        EXPECT_EQ(made.initializers.at(full).dtype(), DType::kFloat);
      }
    }
  }
}

TEST(FloatToFloat16, PoolingIsConverted) {
  Graph graph = foreign(21, {{"", "Conv", "conv", {"x", "w"}, {"v"}, {}},
                             {"", "MaxPool", "pool", {"v"}, {"y", "places"}, {}}});
  graph.initializers["w"] = tensor::floats({3, 2, 3, 3}, test_weights(54, 1));
  graph.outputs.push_back({"places", DType::kInt64, {}});
  const PassOutcome outcome = converted(std::move(graph));
  EXPECT_THAT(ops(outcome.graph), ElementsAre("Conv", "MaxPool"));
  EXPECT_TRUE(outcome.declined.empty());
  EXPECT_EQ(outcome.graph.outputs[1].dtype, DType::kInt64);
}

// ONNX Runtime refuses float16 in these until opset 19.
TEST(FloatToFloat16, QuantizedActivationsFollowTheOpset) {
  for (const int64_t opset : {17, 21}) {
    Graph graph = foreign(opset, {{"", "QuantizeLinear", "q", {"x", "s", "z"}, {"codes"}, {}},
                                  {"", "DequantizeLinear", "dq", {"codes", "s", "z"}, {"v"}, {}},
                                  {"", "Relu", "relu", {"v"}, {"y"}, {}}});
    graph.initializers["s"] = tensor::scalar(0.5F);
    graph.initializers["z"] = tensor::literal({DType::kUint8, {}}, std::vector<std::byte>(1));
    const PassOutcome outcome = converted(std::move(graph));
    const DType scale = opset == 17 ? DType::kFloat : DType::kFloat16;
    EXPECT_EQ(outcome.graph.initializers.at("s").dtype(), scale) << opset;
    EXPECT_EQ(has_op(outcome.graph, "Cast"), opset == 17);
    EXPECT_THAT(outcome.declined, SizeIs(opset == 17 ? 2 : 0));
    if (opset == 17) {
      EXPECT_THAT(outcome.declined[0].reason, HasSubstr("of opset 17"));
    }
    EXPECT_EQ(outcome.graph.outputs[0].dtype, DType::kFloat16);
  }
}

// A body computes in float32, and what it reads must be float32, under a name of its own.
TEST(FloatToFloat16, NodesWithBodiesStayFloat32) {
  for (const bool keep_io_types : {false, true}) {
    Node choice{"", "If", "choice", {"c"}, {"i"}, {}};
    choice.opaque["then_branch"] = graph::body_of("then_branch", {{"Add", {"h", "w"}, "a"}});
    choice.opaque["else_branch"] = graph::body_of("else_branch", {{"Abs", {"x"}, "b"}});
    Graph graph = foreign(
        17,
        {{"", "Add", "half", {"x", "w"}, {"h"}, {}}, choice, {"", "Sin", "sin", {"i"}, {"y"}, {}}});
    graph.initializers["w"] = tensor::floats({3}, {1, 2, 3});
    graph.outputs.push_back({"h", DType::kFloat, {int64_t{3}}});
    const PassOutcome outcome = converted(std::move(graph), keep_io_types);
    const Graph& made = outcome.graph;
    ASSERT_THAT(outcome.declined, SizeIs(1));
    EXPECT_EQ(outcome.declined[0].node, "choice");

    const graph::DTypes dtypes = graph::known_dtypes(made);
    const Node& kept = node_named(made, "choice");
    for (const char* body : {"then_branch", "else_branch"}) {
      for (const std::string& value : graph::first_inputs(kept.opaque.at(body))) {
        EXPECT_EQ(dtypes.at(value), DType::kFloat) << value;
      }
    }
    EXPECT_EQ(dtypes.at(node_named(made, "half").inputs[0]), DType::kFloat16);
    EXPECT_EQ(dtypes.at(node_named(made, "sin").inputs[0]), DType::kFloat16);
    for (const graph::ValueInfo& output : made.outputs) {
      EXPECT_EQ(output.dtype, keep_io_types ? DType::kFloat : DType::kFloat16);
      EXPECT_EQ(dtypes.at(output.name), output.dtype) << output.name;
    }
  }
}

// Would catch a message for developers, and a guess about what an operator yields.
TEST(FloatToFloat16, WhatIsNotKnownStaysFloat32WithAllThatDependsOnIt) {
  const PassOutcome outcome = converted(foreign(17, {{"", "Sin", "before", {"x"}, {"h"}, {}},
                                                     {"my", "F", "call", {"h"}, {"f"}, {}},
                                                     {"", "Add", "after", {"f", "h"}, {"y"}, {}}}));
  EXPECT_THAT(ops(outcome.graph), ElementsAre("Sin", "Cast", "F", "Add", "Cast"));
  ASSERT_THAT(outcome.declined, SizeIs(2));
  EXPECT_EQ(outcome.declined[0].reason, "my::F is not known to take float16");
  EXPECT_EQ(outcome.declined[1].reason, "the dtype of its input 'f' is not known");
}

// Would catch a Cast of what is float32 still.
TEST(FloatToFloat16, SomeInputsAndOutputsStayFloat32) {
  Graph graph = foreign(17, {{"", "LayerNormalization", "norm", {"x", "s"}, {"n", "mean"}, {}},
                             {"", "Resize", "resize", {"n", "", "s"}, {"y"}, {}}});
  graph.initializers["s"] = tensor::floats({3}, {1, 2, 3});
  graph.outputs.push_back({"mean", DType::kFloat, {int64_t{1}}});
  const Graph made = converted(std::move(graph)).graph;
  EXPECT_EQ(made.initializers.at(node_named(made, "norm").inputs[1]).dtype(), DType::kFloat16);
  EXPECT_EQ(made.initializers.at(node_named(made, "resize").inputs[2]).dtype(), DType::kFloat);
  EXPECT_THAT(ops(made), ElementsAre("LayerNormalization", "Resize", "Cast"));
  EXPECT_EQ(made.nodes.back().outputs[0], "mean");
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

// Would catch Casts of the second run that are named like those of the first.
TEST(FloatToFloat16, TwiceWithFloatPorts) {
  FloatToFloat16Options options;
  options.keep_io_types = true;
  auto once = checked(float_to_float16(model(), options));
  const auto twice = checked(float_to_float16(std::move(once.graph), options));
  EXPECT_EQ(twice.graph.inputs[0].dtype, DType::kFloat);
  EXPECT_EQ(twice.graph.outputs[0].dtype, DType::kFloat);
  expect_no_mixing(twice.graph);
}

TEST(FloatToFloat16, NamesThatAreTakenStayWhoseTheyAre) {
  Graph graph = model();
  graph.nodes.push_back({"", "Relu", "y/Cast", {"x"}, {"x/float16"}, {}});
  graph.outputs.push_back({"x/float16", DType::kFloat, {"n", int64_t{2}}});
  FloatToFloat16Options options;
  options.keep_io_types = true;
  expect_no_mixing(checked(float_to_float16(std::move(graph), options)).graph);
}

}  // namespace
}  // namespace lapidary::passes
