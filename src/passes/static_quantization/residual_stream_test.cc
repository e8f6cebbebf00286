// The residual stream in float16 as a graph rewrite; that such graphs compute what they did is
// tested on ONNX Runtime (tests/static_quantization_test.cc).
#include "passes/static_quantization/residual_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passes/static_quantization/static_quantization.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using quant::Ranges;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr const char* kEntered = "x/residual";

StaticQuantizationOptions half_stream() {
  StaticQuantizationOptions options;
  options.residual_stream = ResidualType::kFloat16;
  return options;
}

// One for everything, but `largest` for one value.
Ranges ranges_with(const Graph& graph, const std::string& value, float largest) {
  Ranges out;
  for (const std::string& each : values_to_calibrate(graph, half_stream(), htp()).value()) {
    EXPECT_TRUE(out.set(each, {-1, each == value ? largest : 1}).ok());
  }
  return out;
}

PassOutcome halved(const Graph& graph, float largest) {
  return checked(
      static_quantization(graph, ranges_with(graph, "mlp/Add", largest), half_stream(), htp()));
}

float scale_of_value(const Graph& g, const std::string& value) {
  const Node& node = node_named(g, value + "/QuantizeLinear");
  return g.initializers.at(node.inputs[1]).to_floats().value()[0];
}

std::vector<float> constant_values(const Graph& g, const std::string& name) {
  return g.initializers.at(name).to_floats().value();
}

TEST(ResidualStream, IsFoundFromEntryToFinalNorm) {
  const ResidualStream stream = find_residual_stream(residual_graph()).value();
  EXPECT_THAT(stream.entries, UnorderedElementsAre("x"));
  EXPECT_THAT(stream.values,
              UnorderedElementsAre("mlp/Add", "keep/Slice", "ple/Add", "layer_scalar/Mul"));
  EXPECT_THAT(stream.islands,
              UnorderedElementsAre("in_norm/RMSNormalization", "post_norm/RMSNormalization",
                                   "mlp/Add", "keep/Slice", "post_ple_norm/RMSNormalization",
                                   "ple/Add", "layer_scalar/Mul", "norm/RMSNormalization"));
  EXPECT_EQ(stream.products.size(), 1U);
}

// Catches a norm of heads, an Add of a rotary embedding or an attention's residual taken for it.
TEST(ResidualStream, IsEmptyWithoutNormsBehindSublayers) {
  const ResidualStream stream = find_residual_stream(attention_graph()).value();
  EXPECT_TRUE(stream.values.empty());
  EXPECT_TRUE(stream.islands.empty());
}

// Catches integers left in the stream, and a norm or a gate that sees the factor.
TEST(ResidualStream, IsFloatUnderAFactorThatNothingBehindItSees) {
  const Graph before = residual_graph();
  const Graph g = halved(before, 1.0e5F).graph;
  EXPECT_THAT(node_named(g, "mlp/Add").inputs, ElementsAre(kEntered, "post_norm/RMSNormalization"));
  EXPECT_THAT(node_named(g, kEntered).inputs, ElementsAre("x", "residual_stream.factor"));
  EXPECT_THAT(constant_values(g, "residual_stream.factor"), ElementsAre(0.125F));
  EXPECT_THAT(node_named(g, "ple/Add").inputs,
              ElementsAre("keep/Slice", "post_ple_norm/RMSNormalization"));
  for (const char* norm : {"in_norm", "norm"}) {
    EXPECT_EQ(node_named(g, norm + std::string("/RMSNormalization")).float_attribute("epsilon", 0),
              1e-6F / 64);
  }
  for (const char* norm : {"post_norm", "post_ple_norm"}) {
    EXPECT_EQ(node_named(g, norm + std::string("/RMSNormalization")).float_attribute("epsilon", 0),
              1e-6F);
    std::vector<float> expected = constant_values(before, norm + std::string(".weight"));
    for (float& each : expected) each /= 8;
    EXPECT_EQ(constant_values(g, norm + std::string(".weight")), expected);
  }
  const std::vector<float> scales = constant_values(g, "gate.weight_int8_scale");
  const Graph plain =
      checked(static_quantization(before, ranges_with(before, "", 1), {}, htp())).graph;
  std::vector<float> expected = constant_values(plain, "gate.weight_int8_scale");
  for (float& each : expected) each *= 8;
  EXPECT_EQ(scales, expected);
  EXPECT_EQ(g.initializers.at("gate.weight_int8").materialize().value(),
            plain.initializers.at("gate.weight_int8").materialize().value());
}

// Catches ranges of other values that move with the factor, and a gate's that does not.
TEST(ResidualStream, LeavesRangesOfEverythingElse) {
  const Graph before = residual_graph();
  const Graph g = halved(before, 1.0e5F).graph;
  const Graph plain =
      checked(static_quantization(before, ranges_with(before, "mlp/Add", 1.0e5F), {}, htp())).graph;
  for (const char* value : {"in_norm/RMSNormalization", "down/MatMul", "gate/MatMul", "act/Tanh",
                            "norm/RMSNormalization"}) {
    EXPECT_EQ(scale_of_value(g, value), scale_of_value(plain, value)) << value;
  }
  EXPECT_NEAR(scale_of_value(g, "keep/Slice"), 2.0 / 8 / 65535, 1e-9);  // what the gate reads
}

TEST(ResidualStream, FactorIsTheLargestPowerOfTwoThatLeavesRoom) {
  const Graph graph = residual_graph();
  const std::vector<ResidualStream> streams = {find_residual_stream(graph).value()};
  const auto factor = [&](float largest, double margin = 0) {
    return residual_factor({&graph}, streams,
                           ranges_with(graph, "post_norm/RMSNormalization", largest), margin);
  };
  EXPECT_EQ(factor(16376).value(), 1);
  EXPECT_EQ(factor(16377).value(), 0.5F);
  EXPECT_EQ(factor(16376, 0.25).value(), 0.5F);
  EXPECT_EQ(factor(1.04e5F).value(), 0.125F);
  const auto none = factor(1.7e7F);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message(), HasSubstr("post_norm/RMSNormalization"));
}

// No factor acts on what a norm behind a sublayer reads.
TEST(ResidualStream, ResultOfASublayerBeyondFloat16IsRefusedByName) {
  const Graph graph = residual_graph();
  const auto out =
      static_quantization(graph, ranges_with(graph, "down/MatMul", 65505), half_stream(), htp());
  ASSERT_FALSE(out.ok());
  EXPECT_THAT(out.error().message(), HasSubstr("down/MatMul"));
}

TEST(ResidualStream, ReaderThatWouldSeeTheFactorIsRefusedByName) {
  Graph graph = residual_graph();
  graph.nodes.push_back({"", "Tanh", "extra/Tanh", {"ple/Add"}, {"extra"}, {}});
  graph.outputs.push_back({"extra", DType::kFloat, {int64_t{4}, kTestWidth}});
  const auto stream = find_residual_stream(graph);
  ASSERT_FALSE(stream.ok());
  EXPECT_THAT(stream.error().message(), HasSubstr("extra/Tanh"));
}

// Catches a weight in blocks whose codes, or scales of scales, were taken for its scale.
TEST(ResidualStream, InnermostScaleOfAWeightThatCameQuantizedIsMultiplied) {
  Graph graph = residual_graph();
  graph.initializers.emplace("codes", tensor::floats({16, 16}, test_weights(256, 9)));
  graph.initializers.emplace("block", tensor::floats({16}, test_weights(16, 10)));
  graph.initializers.emplace("channel", tensor::scalar(3.0F));
  graph.nodes.insert(graph.nodes.begin(),
                     {{"", "DequantizeLinear", "s", {"block", "channel"}, {"s"}, {}},
                      {"", "DequantizeLinear", "w", {"codes", "s"}, {"w"}, {}}});
  for (Node& node : graph.nodes) {
    if (node.name == "gate/MatMul") node.inputs[1] = "w";
  }
  ResidualStream stream = find_residual_stream(graph).value();
  const Graph g = scale_residual_stream(graph, stream, 0.25F).value();
  EXPECT_THAT(constant_values(g, "channel"), ElementsAre(12.0F));
  EXPECT_EQ(constant_values(g, "block"), constant_values(graph, "block"));
}

// A constant that something else reads as well.
TEST(ResidualStream, SharedWeightIsScaledForTheStreamAlone) {
  Graph graph = residual_graph();
  for (Node& node : graph.nodes) {
    if (node.name == "norm/RMSNormalization") node.inputs[1] = "post_norm.weight";
  }
  ResidualStream stream = find_residual_stream(graph).value();
  const Graph g = scale_residual_stream(graph, stream, 0.25F).value();
  EXPECT_EQ(constant_values(g, "post_norm.weight"), constant_values(graph, "post_norm.weight"));
  EXPECT_EQ(node_named(g, "post_norm/RMSNormalization").inputs[1], "post_norm.weight_scaled");
  EXPECT_THAT(stream.islands, Contains(kEntered));
}

TEST(ResidualStream, OptionIsReadAndRefused) {
  const auto read = [](const std::string& json) {
    auto document = JsonDocument::parse(json, "recipe.json").value();
    JsonReader reader = document.root();
    const auto out = read_static_quantization_options(reader);
    return std::pair(out.residual_stream, document.finish());
  };
  EXPECT_EQ(read("{}").first, ResidualType::kInt16);
  EXPECT_EQ(read(R"({"residual_stream": "float16"})").first, ResidualType::kFloat16);
  EXPECT_EQ(to_json(half_stream()).at("residual_stream"), "float16");
  const Status status = read(R"({"residual_stream": "bfloat16"})").second;
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("use int16 or float16"));
}

}  // namespace
}  // namespace lapidary::passes
