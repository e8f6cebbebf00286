// OnnxStaticQuantization as a graph rewrite and the bits of its weights; that such graphs compute
// what the float graph computes is tested on ONNX Runtime (tests/static_quantization_test.cc), what
// it asks of the calibrator in calibration_requests_test.cc.
#include "passes/static_quantization/static_quantization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "passes/test_graphs.h"
#include "quant/affine.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using quant::Ranges;
using target::QuantizationTraits;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Ranges ranges_for(const Graph& graph, const StaticQuantizationOptions& options) {
  Ranges out;
  const auto values = values_to_calibrate(graph, options, htp()).value();
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_TRUE(out.set(values[i], {-1.0F - static_cast<float>(i), 2.0F}).ok());
  }
  return out;
}

PassOutcome quantized(const StaticQuantizationOptions& options = {}) {
  const Graph graph = attention_graph();
  return checked(static_quantization(graph, ranges_for(graph, options), options, htp()));
}

// The dtype and the scale of a value's encoding.
DType encoded_as(const Graph& g, const std::string& value) {
  return g.initializers.at(node_named(g, value + "/QuantizeLinear").inputs[2]).dtype();
}
std::string scale_of(const Graph& g, const std::string& value) {
  return node_named(g, value + "/QuantizeLinear").inputs[1];
}

StaticQuantizationOptions read(const std::string& json, Status& status) {
  auto document = JsonDocument::parse(json, "recipe.json").value();
  JsonReader reader = document.root();
  StaticQuantizationOptions out = read_static_quantization_options(reader);
  reader.reject_unknown();
  status = document.finish();
  return out;
}

TEST(StaticQuantization, PairsStandOnEveryFloatEdge) {
  const Graph g = quantized().graph;
  EXPECT_THAT(node_named(g, "q/MatMul").inputs,
              ElementsAre("norm/RMSNormalization_dequantized", "q.weight_int8_dequantized"));
  EXPECT_THAT(node_named(g, "norm/RMSNormalization").inputs,
              ElementsAre("x_dequantized", "norm.weight_uint16_dequantized"));
  EXPECT_EQ(encoded_as(g, "x"), DType::kUint16);
  EXPECT_EQ(encoded_as(g, "scores/MatMul"), DType::kUint16);
  EXPECT_EQ(g.outputs[1].dtype, DType::kFloat);
  EXPECT_THAT(node_named(g, "out/Tanh").outputs, ElementsAre("y/computed"));
  EXPECT_THAT(node_named(g, "y/DequantizeLinear").outputs, ElementsAre("y"));
}

// Catches a right side whose caches and producers keep another encoding: the HTP would convert.
TEST(StaticQuantization, RightSidesAreSymmetricWithAllThatFlowsIntoThem) {
  const Graph g = quantized().graph;
  for (const char* value : {"past", "k/MatMul", "v/MatMul", "keys_t/Transpose", "present"}) {
    EXPECT_EQ(encoded_as(g, value), DType::kInt16) << value;
    EXPECT_EQ(scale_of(g, value), scale_of(g, "past")) << value;
  }
  EXPECT_EQ(encoded_as(g, "q/MatMul"), DType::kUint16);
  const std::string zero_point = node_named(g, "past/QuantizeLinear").inputs[2];
  EXPECT_THAT(g.initializers.at(zero_point).materialize().value(),
              ElementsAre(std::byte{0}, std::byte{0}));
}

// Catches operators that the HTP computes in float because their integers differ in sign, and a
// conversion that changes numbers.
TEST(StaticQuantization, NodesThatComputeMakeAndReadOneTypeOfIntegers) {
  StaticQuantizationOptions options;
  options.tensor_overrides = {{"q/MatMul", {DType::kInt16, true, std::nullopt}}};
  const Graph g = quantized(options).graph;
  EXPECT_THAT(node_named(g, "k/MatMul/QuantizeLinear").inputs[0], "k/MatMul_uint16_dequantized");
  EXPECT_THAT(node_named(g, "k/MatMul_uint16/QuantizeLinear").inputs[0], "k/MatMul");
  EXPECT_EQ(encoded_as(g, "k/MatMul_uint16"), DType::kUint16);
  EXPECT_EQ(scale_of(g, "k/MatMul_uint16"), scale_of(g, "k/MatMul"));
  const std::string zero_point = node_named(g, "k/MatMul_uint16/QuantizeLinear").inputs[2];
  EXPECT_THAT(g.initializers.at(zero_point).to_integers().value(), ElementsAre(32768));
  // The left side is to be unsigned, the right side signed; what moves data takes what it gets.
  EXPECT_THAT(node_named(g, "scores/MatMul").inputs,
              ElementsAre("q/MatMul_uint16_dequantized", "keys_t/Transpose_dequantized"));
  EXPECT_THAT(node_named(g, "keys/Concat").inputs,
              ElementsAre("past_dequantized", "k/MatMul_dequantized"));
}

TEST(StaticQuantization, SoftmaxYieldsZeroToOneWithoutCalibration) {
  const Graph graph = attention_graph();
  EXPECT_THAT(values_to_calibrate(graph, {}, htp()).value(), Not(Contains("shares/Softmax")));
  const Graph g = quantized().graph;
  const auto scale = g.initializers.at(scale_of(g, "shares/Softmax")).to_floats().value();
  EXPECT_FLOAT_EQ(scale[0], 1.0F / 65535.0F);
}

TEST(StaticQuantization, ValueWithoutRangeIsAnErrorThatNamesIt) {
  const Graph graph = attention_graph();
  Ranges ranges;
  const std::vector<std::string> values = values_to_calibrate(graph, {}, htp()).value();
  for (const std::string& value : values) {
    if (value == "scores/MatMul") continue;
    ASSERT_TRUE(ranges.set(value, {-1, 1}).ok());
  }
  const auto out = static_quantization(graph, ranges, {}, htp());
  ASSERT_FALSE(out.ok());
  EXPECT_THAT(out.error().message(), HasSubstr("scores/MatMul"));
}

// An island reads dequantized values and its results are quantized for those who want that.
TEST(StaticQuantization, ExcludedNodesStayFloat) {
  StaticQuantizationOptions options;
  options.nodes_to_exclude = {"o/*"};
  options.op_types_to_exclude = {"RMSNormalization"};
  const PassOutcome out = quantized(options);
  EXPECT_THAT(node_named(out.graph, "o/MatMul").inputs,
              ElementsAre("mixed/MatMul_dequantized", "o.weight"));
  EXPECT_THAT(node_named(out.graph, "norm/RMSNormalization").inputs,
              ElementsAre("x", "norm.weight"));
  EXPECT_THAT(node_named(out.graph, "sum/Add").inputs,
              ElementsAre("x_dequantized", "o/MatMul_dequantized"));
  EXPECT_EQ(out.declined.size(), 2U);
}

// Catches pairs inside an island, where they would only lose precision.
TEST(StaticQuantization, MoversBetweenIslandsStayFloat) {
  graph::Builder b("g");
  const graph::Ref x = b.input("x", DType::kFloat, {int64_t{2}, int64_t{3}});
  graph::Ref y = b.op("Tanh", {x}, "first");
  y = b.op("Transpose", {y}, "t");
  b.output("y", b.op("Tanh", {y}, "last"), DType::kFloat, {int64_t{3}, int64_t{2}});
  const Graph graph = std::move(b).finish();
  StaticQuantizationOptions options;
  options.op_types_to_exclude = {"Tanh"};
  const auto out = static_quantization(graph, {}, options, htp()).value();
  EXPECT_EQ(out.graph.nodes.size(), 3U);
  EXPECT_EQ(out.rewritten, 0);
}

TEST(StaticQuantization, OverridesHoldForNodesAndValues) {
  Status status;
  const auto options = read(R"({
      "activation_type": "QUInt16", "precision": "int8",
      "tensor_overrides": {"scores/*": {"type": "uint8", "range": [-3, 3]},
                           "past": {"type": "int8"}},
      "node_overrides": {"out*": {"activation_type": "uint8"},
                         "q*": {"weight_type": "int4", "weight_search": "mse"}}})",
                            status);
  ASSERT_TRUE(status.ok()) << status.error().message();
  const Graph g = quantized(options).graph;
  EXPECT_EQ(encoded_as(g, "scores/MatMul"), DType::kUint8);
  EXPECT_FLOAT_EQ(g.initializers.at(scale_of(g, "scores/MatMul")).to_floats().value()[0],
                  6.0F / 255.0F);
  EXPECT_EQ(encoded_as(g, "y"), DType::kUint8);
  EXPECT_EQ(encoded_as(g, "k/MatMul"), DType::kInt8) << "one group, one encoding";
  EXPECT_EQ(g.initializers.at("q.weight_int4_mse").dtype(), DType::kInt4);
  EXPECT_EQ(g.initializers.at("k.weight_int8").dtype(), DType::kInt8);
}

TEST(StaticQuantization, OverridesThatDisagreeWithinAGroupAreAnError) {
  StaticQuantizationOptions options;
  options.tensor_overrides = {{"past", {DType::kInt16, {}, {}}},
                              {"k/MatMul", {DType::kInt8, {}, {}}}};
  const Graph graph = attention_graph();
  const auto out = static_quantization(graph, ranges_for(graph, options), options, htp());
  ASSERT_FALSE(out.ok());
  EXPECT_THAT(out.error().message(), HasSubstr("k/MatMul"));
}

TEST(StaticQuantization, IntegerPortsHaveNoPairAtTheBoundary) {
  StaticQuantizationOptions options;
  options.quantized_io = {"p*"};
  const Graph g = quantized(options).graph;
  EXPECT_EQ(g.inputs[1].dtype, DType::kInt16);
  EXPECT_EQ(g.outputs[0].dtype, DType::kInt16);
  EXPECT_EQ(g.inputs[0].dtype, DType::kFloat);
  EXPECT_FALSE(has_node(g, "past/QuantizeLinear"));
  EXPECT_THAT(node_named(g, "present/QuantizeLinear").outputs, ElementsAre("present"));
  EXPECT_EQ(g.metadata.at("encoding:past"), g.metadata.at("encoding:present"));
  EXPECT_THAT(g.metadata.at("encoding:past"), HasSubstr(R"("dtype":"int16")"));

  options.quantized_io = {"nobody"};
  EXPECT_FALSE(static_quantization(attention_graph(), {}, options, htp()).ok());
}

// The saved codes are the quantizer's own, transposed to the graph's layout: catches scales of the
// wrong axis, and tiles that are cut elsewhere than where they were computed.
TEST(StaticQuantization, WeightsAreTheQuantizersBits) {
  const Graph g = quantized().graph;
  const auto rows = test_weights(kTestWidth * kTestWidth, 1);
  std::vector<float> scales(kTestWidth);
  ASSERT_TRUE(
      quant::channel_scales(rows, kTestWidth, DType::kInt8, quant::ScaleSearch::kMinMax, scales)
          .ok());
  EXPECT_EQ(g.initializers.at("q.weight_int8_scale").to_floats().value(), scales);
  const auto codes = g.initializers.at("q.weight_int8").materialize().value();
  EXPECT_EQ(node_named(g, "q.weight_int8/DequantizeLinear").int_attribute("axis", -1), 1);
  for (size_t k = 0; k < kTestWidth; ++k) {
    for (size_t n = 0; n < kTestWidth; ++n) {
      EXPECT_EQ(static_cast<int8_t>(codes[k * kTestWidth + n]),
                quant::code_of(rows[n * kTestWidth + k], {scales[n], 0}, {-127, 127}));
    }
  }
}

// A table's range is its own, not that of the rows that calibration happened to see.
TEST(StaticQuantization, GatheredTablesShareTheirEncoding) {
  graph::Builder b("g");
  const graph::Ref ids = b.input("ids", DType::kInt64, {"n"});
  const graph::Ref table = b.weight("table", tensor::floats({3, 2}, {0, 1, -5, 2, 3, 10}));
  const graph::Ref row = b.op("Gather", {table, ids}, "rows", {{"axis", int64_t{0}}});
  b.output("y", b.op("Tanh", {row}, "out"), DType::kFloat, {"n", int64_t{2}});
  const Graph graph = std::move(b).finish();
  EXPECT_THAT(values_to_calibrate(graph, {}, htp()).value(), ElementsAre("y"));
  Ranges ranges;
  ASSERT_TRUE(ranges.set("y", {-1, 1}).ok());
  const Graph g = static_quantization(graph, ranges, {}, htp()).value().graph;
  EXPECT_FLOAT_EQ(g.initializers.at("rows/Gather_scale").to_floats().value()[0], 15.0F / 65535.0F);
  EXPECT_EQ(node_named(g, "rows/Gather").inputs[0], "table_uint16_as_rows/Gather_dequantized");
}

// A weight that came quantized is nothing to calibrate or to encode: catches a second pair around
// it, a range asked for it, and a MatMul that stays float because its weight is no constant.
TEST(StaticQuantization, WeightsThatCameQuantizedStayAndActivationsAroundThemAreQuantized) {
  graph::Builder b("g");
  const auto int4 = [&](const std::string& name, tensor::Shape shape) {
    const tensor::TensorType type{DType::kInt4, std::move(shape)};
    return b.weight(
        name, tensor::literal(type, std::vector<std::byte>(static_cast<size_t>(type.bytes()))));
  };
  const auto floats = [&](const std::string& name, const tensor::Shape& shape) {
    return b.weight(name, tensor::floats(shape, test_weights(tensor::element_count(shape), 3)));
  };
  const graph::Attributes blocks = {{"axis", int64_t{0}}, {"block_size", int64_t{8}}};
  const graph::Ref x = b.input("x", DType::kFloat, {int64_t{6}, int64_t{16}});
  const graph::Ref in_blocks = b.op(
      "DequantizeLinear", {int4("a.codes", {16, 16}), floats("a.scales", {2, 16})}, "a", blocks);
  const graph::Ref channel_scale = floats("b.scale", {16});
  const graph::Ref block_scales =
      b.op("DequantizeLinear",
           {b.weight("b.block_scales",
                     tensor::literal({DType::kUint8, {2, 16}}, std::vector<std::byte>(32))),
            channel_scale},
           "b.scales", {{"axis", int64_t{1}}});
  const graph::Ref lpbq =
      b.op("DequantizeLinear", {int4("b.codes", {16, 16}), block_scales}, "b", blocks);
  const graph::Ref rows = b.op("DequantizeLinear", {int4("c.codes", {16, 16}), channel_scale}, "c",
                               {{"axis", int64_t{0}}});
  const graph::Ref turned = b.op("Transpose", {rows}, "c.t");
  graph::Ref y = b.op("MatMul", {x, in_blocks}, "a");
  y = b.op("Tanh", {b.op("MatMul", {y, lpbq}, "b")}, "act");
  y = b.op("Gemm", {b.op("MatMul", {y, turned}, "c"), rows}, "d", {{"transB", int64_t{1}}});
  b.output("y", b.op("Tanh", {y}, "out"), DType::kFloat, {int64_t{6}, int64_t{16}});
  const Graph graph = std::move(b).finish();

  EXPECT_THAT(values_to_calibrate(graph, {}, htp()).value(),
              ElementsAre("x", "a/MatMul", "b/MatMul", "act/Tanh", "c/MatMul", "d/Gemm", "y"));
  const PassOutcome out = static_quantization(graph, ranges_for(graph, {}), {}, htp()).value();
  EXPECT_TRUE(out.declined.empty());
  EXPECT_EQ(out.rewritten, 6);
  EXPECT_THAT(node_named(out.graph, "a/MatMul").inputs,
              ElementsAre("x_dequantized", "a/DequantizeLinear"));
  EXPECT_THAT(node_named(out.graph, "b/MatMul").inputs,
              ElementsAre("a/MatMul_dequantized", "b/DequantizeLinear"));
  EXPECT_THAT(node_named(out.graph, "c/MatMul").inputs,
              ElementsAre("act/Tanh_dequantized", "c.t/Transpose"));
  EXPECT_THAT(node_named(out.graph, "d/Gemm").inputs,
              ElementsAre("c/MatMul_dequantized", "c/DequantizeLinear"));
  EXPECT_THAT(node_named(out.graph, "b/DequantizeLinear").inputs,
              ElementsAre("b.codes", "b.scales/DequantizeLinear"));
  EXPECT_EQ(encoded_as(out.graph, "y"), DType::kUint16);
  EXPECT_TRUE(graph::check(out.graph).ok());
}

// A cache joined with a constant that came quantized would need that constant in the cache's
// encoding: catches a crash, and an encoding made up without a range.
TEST(StaticQuantization, WhatMovesAWeightThatCameQuantizedStaysFloat) {
  graph::Builder b("g");
  const graph::Ref x = b.input("x", DType::kFloat, {int64_t{2}, int64_t{4}});
  const graph::Ref ids = b.input("ids", DType::kInt64, {int64_t{2}});
  const graph::Ref codes =
      b.weight("table.codes", tensor::literal({DType::kInt8, {3, 4}}, std::vector<std::byte>(12)));
  const graph::Ref table = b.op("DequantizeLinear", {codes, b.constant_scalar(0.5F)}, "table", {});
  const graph::Ref row = b.op("Gather", {table, ids}, "rows", {{"axis", int64_t{0}}});
  const graph::Ref joined = b.op("Concat", {x, table}, "joined", {{"axis", int64_t{0}}});
  b.output("y", b.op("Tanh", {joined}, "a"), DType::kFloat, {int64_t{5}, int64_t{4}});
  b.output("z", b.op("Add", {row, x}, "b"), DType::kFloat, {int64_t{2}, int64_t{4}});
  const Graph graph = std::move(b).finish();
  const PassOutcome out = static_quantization(graph, ranges_for(graph, {}), {}, htp()).value();
  ASSERT_EQ(out.declined.size(), 2U);
  EXPECT_EQ(out.declined[0].node, "rows/Gather");
  EXPECT_EQ(out.declined[1].node, "joined/Concat");
  EXPECT_THAT(node_named(out.graph, "b/Add").inputs,
              ElementsAre("rows/Gather_dequantized", "x_dequantized"));
  EXPECT_TRUE(graph::check(out.graph).ok());
}

TEST(StaticQuantization, BadOptionsAreErrorsAndStrangePatternsAreNoted) {
  Status status;
  for (const char* json :
       {R"({"activation_type": "int4"})", R"({"weight_type": "uint8"})", R"({"precision": "fp8"})",
        R"({"weight_search": "best"})", R"({"tensor_overrides": {"x": {"range": [1]}}})",
        R"({"tensor_overrides": {"x": {"scale": 1}}})", R"({"unknown": 1})",
        R"({"range_margin": -0.5})"}) {
    read(json, status);
    EXPECT_FALSE(status.ok()) << json;
  }
  StaticQuantizationOptions options;
  options.nodes_to_exclude = {"nobody/*"};
  const auto declined = quantized(options).declined;
  ASSERT_EQ(declined.size(), 1U);
  EXPECT_EQ(declined[0].node, "nobody/*");
}

TEST(StaticQuantization, OlderOpsetsAreRefused) {
  Graph graph = attention_graph();
  graph.opsets[""] = 20;
  EXPECT_FALSE(static_quantization(graph, ranges_for(graph, {}), {}, htp()).ok());
}

// The tests on other targets: what is chosen is the word of the traits, not the HTP's. They catch a
// rule of one vendor that stands in the pass.
Graph quantized_for(const Graph& graph, const StaticQuantizationOptions& options,
                    const QuantizationTraits& traits) {
  const auto values = values_to_calibrate(graph, options, traits).value();
  return checked(static_quantization(graph, ranges_of(values, {-1, 3}), options, traits)).graph;
}

const tensor::Tensor& zero_point_of(const Graph& g, const std::string& value) {
  return g.initializers.at(node_named(g, value + "/QuantizeLinear").inputs[2]);
}

TEST(TargetTraits, SignedOperandsAreTheTargets) {
  const Graph unsigned_alone = quantized_for(attention_graph(), {}, invented_target());
  for (const char* value : {"q/MatMul", "k/MatMul", "past", "present", "shares/Softmax"}) {
    EXPECT_EQ(zero_point_of(unsigned_alone, value).dtype(), DType::kUint16) << value;
  }
  EXPECT_FALSE(has_node(unsigned_alone, "k/MatMul_uint16/QuantizeLinear"));

  QuantizationTraits left = invented_target();
  left.signed_operands = {{"MatMul", 0}};
  const Graph signed_left = quantized_for(attention_graph(), {}, left);
  EXPECT_EQ(zero_point_of(signed_left, "q/MatMul").dtype(), DType::kInt16);
  EXPECT_EQ(zero_point_of(signed_left, "k/MatMul").dtype(), DType::kUint16);
  EXPECT_EQ(zero_point_of(quantized_for(attention_graph(), {}, htp()), "q/MatMul").dtype(),
            DType::kUint16);
}

TEST(TargetTraits, NarrowActivationsAreSignedWhereTheTargetWantsThat) {
  StaticQuantizationOptions options;
  options.activation_type = DType::kUint8;
  QuantizationTraits traits = htp();
  EXPECT_EQ(zero_point_of(quantized_for(attention_graph(), options, traits), "past").dtype(),
            DType::kUint8);
  traits.least_signed_bits = 8;
  EXPECT_EQ(zero_point_of(quantized_for(attention_graph(), options, traits), "past").dtype(),
            DType::kInt8);
}

TEST(TargetTraits, SignedActivationsHaveZeroPointsWhereTheTargetTakesThem) {
  StaticQuantizationOptions options;
  options.activation_type = DType::kInt16;
  const auto zero_point = [&](const QuantizationTraits& traits) {
    return zero_point_of(quantized_for(attention_graph(), options, traits), "x")
        .to_integers()
        .value();
  };
  EXPECT_THAT(zero_point(htp()), ElementsAre(0));
  EXPECT_THAT(zero_point(invented_target()), Not(ElementsAre(0)));
}

TEST(TargetTraits, IntegersOfSeveralTypesMeetWhereTheTargetTakesThem) {
  StaticQuantizationOptions options;
  options.tensor_overrides = {{"q/MatMul", {DType::kInt16, true, std::nullopt}}};
  const std::string conversion = "q/MatMul_uint16/QuantizeLinear";
  EXPECT_TRUE(has_node(quantized_for(attention_graph(), options, htp()), conversion));
  const Graph mixed = quantized_for(attention_graph(), options, invented_target());
  EXPECT_EQ(zero_point_of(mixed, "q/MatMul").dtype(), DType::kInt16);
  EXPECT_FALSE(has_node(mixed, conversion));
}

// In the prefill graph nothing attends to the keys: alone, it would make them uint16.
TEST(StaticQuantizationPass, CachesAreTheSameIntegersInAllGraphs) {
  const BoundPass pass =
      bound(&bind_static_quantization, R"({"quantized_io": ["past", "present"]})").value();
  const GraphSet set = pass.run(cache_set(), calibrated_to({-1.0F, 3.0F})).value().graphs;
  const std::string expected = set[1].graph.metadata.at("encoding:past");
  EXPECT_THAT(expected, HasSubstr(R"("dtype":"int16")"));
  EXPECT_THAT(expected, HasSubstr(R"("zero_point":0)"));
  EXPECT_EQ(set[1].graph.metadata.at("encoding:present"), expected);
  EXPECT_EQ(set[0].graph.metadata.at("encoding:present"), expected);
  const GraphSet other = bound(&bind_static_quantization, R"({"quantized_io": ["present"]})")
                             ->run(set_of(cache_graph(false)), calibrated_to({-1.0F, 3.0F}))
                             .value()
                             .graphs;
  EXPECT_THAT(other[0].graph.metadata.at("encoding:present"), HasSubstr("uint16"));
}

TEST(StaticQuantizationPass, ReadsOlivesOptions) {
  const auto said = [](const std::string& json) {
    return verdict(&bind_static_quantization, json);
  };
  EXPECT_EQ(said(R"({"activation_type": "QUInt16", "weight_type": "QInt8", "per_channel": true,
                     "calibrate_method": "MinMax", "quant_preprocess": true, "quant_format": "QDQ",
                     "calibration_providers": ["CPUExecutionProvider"],
                     "save_as_external_data": true})"),
            "accepted");
  EXPECT_EQ(said(R"({"calibrate_method": "mse"})"), "accepted");
  EXPECT_EQ(said(R"({"calibrate_method": "min_max"})"), "accepted");
  EXPECT_THAT(said(R"({"calibrate_method": "Entropy"})"), HasSubstr("entropy is not supported"));
  EXPECT_THAT(said(R"({"calibrate_method": "guess"})"), HasSubstr("'guess' is no method"));
  EXPECT_THAT(said(R"({"per_channel": false})"), HasSubstr("per_channel"));
  EXPECT_THAT(said(R"({"quant_format": "QOperator"})"), HasSubstr("use QDQ"));
  EXPECT_THAT(said(R"({"nodes_to_quantize": ["a"]})"), HasSubstr("nodes_to_quantize"));
  const Json options =
      bound(&bind_static_quantization,
            R"({"precision": "int8", "tensor_overrides": {"k*": {"range": [0, 1]}}})")
          ->options;
  EXPECT_EQ(options.at("weight_type"), "int8");
  EXPECT_EQ(options.at("activation_type"), "uint16");
  EXPECT_EQ(options.at("calibrate_method"), "min_max");
  EXPECT_EQ(options.at("tensor_overrides").dump(), R"({"k*":{"range":[0.0,1.0]}})");
}

// Would catch a value or constant of the model that is made twice or written over.
TEST(StaticQuantization, NamesThatAreTakenStayWhoseTheyAre) {
  Graph graph = attention_graph();
  const Graph plain = quantized().graph;
  int64_t extra = 0;
  for (const auto& [name, tensor] : plain.initializers) {
    if (!graph.initializers.contains(name)) {
      graph.initializers[name] = tensor::integers({1}, {++extra});
      graph.nodes.push_back({"", "Identity", "own " + name, {name}, {"out " + name}, {}});
      graph.outputs.push_back({"out " + name, DType::kInt64, {int64_t{1}}});
    }
  }
  ASSERT_GT(extra, 10);
  graph.initializers["own"] = tensor::integers({1}, {0});
  graph.nodes.push_back({"", "Identity", "x/QuantizeLinear", {"own"}, {"x_dequantized"}, {}});
  graph.outputs.push_back({"x_dequantized", DType::kInt64, {int64_t{1}}});
  const StaticQuantizationOptions options;
  const PassOutcome out =
      checked(static_quantization(graph, ranges_for(graph, options), options, htp()));
  for (const auto& [name, tensor] : graph.initializers) {
    if (tensor.dtype() != DType::kInt64) continue;
    EXPECT_EQ(out.graph.initializers.at(name).to_integers().value(), tensor.to_integers().value());
  }
  EXPECT_THAT(node_named(out.graph, "norm/RMSNormalization").inputs[0],
              HasSubstr("x_dequantized_1"));
}

}  // namespace
}  // namespace lapidary::passes
