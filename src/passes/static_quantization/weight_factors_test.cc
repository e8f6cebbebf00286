// Error-aware rounding in OnnxStaticQuantization: which weights get it, and by which moments. Their
// bits are tested in weights/error_aware_test.cc, that it lowers errors in
// quant/error_aware_rounding_test.cc.
#include "passes/static_quantization/weight_factors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "graph/builder.h"
#include "passes/static_quantization/static_quantization.h"
#include "passes/test_graphs.h"
#include "quant/error_aware_rounding.h"
#include "tensor/expressions.h"
#include "weights/error_aware.h"
#include "weights/testing/random_weights.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using quant::BlockMoments;
using quant::Moments;
using quant::RoundingFactors;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using weights::moments_of;

quant::Ranges ranges_for(const Graph& graph, const StaticQuantizationOptions& options) {
  return ranges_of(values_to_calibrate(graph, options, htp()).value(), {-1, 1});
}

StaticQuantizationOptions error_aware_options() {
  StaticQuantizationOptions out;
  out.weight_type = DType::kInt4;
  out.weight_rounding = WeightRounding::kErrorAware;
  out.node_overrides = {{"o/*", {{}, DType::kInt8, {}, WeightRounding::kNearest}}};
  return out;
}

TEST(ErrorAwareStaticQuantization, ProductsAreRoundedByTheMomentsOfTheirInputs) {
  const Graph graph = attention_graph();
  const StaticQuantizationOptions options = error_aware_options();
  EXPECT_THAT(values_for_moments(graph, options, htp()).value(),
              ElementsAre("norm/RMSNormalization"));
  auto moments = std::make_shared<Moments>();
  moments->emplace("norm/RMSNormalization", moments_of(kTestWidth, 8, 21));
  const auto out =
      static_quantization(graph, ranges_for(graph, options), options, htp(), moments).value();
  EXPECT_TRUE(out.declined.empty());
  const auto factors = std::make_shared<RoundingFactors>(
      std::make_shared<BlockMoments>(moments->at("norm/RMSNormalization")));
  for (const char* name : {"q.weight", "k.weight", "v.weight"}) {
    const weights::AffineWeight expected =
        weights::round_channels_error_aware(graph.initializers.at(name), DType::kInt4, factors);
    const std::string codes = std::string(name) + "_int4_error_aware";
    EXPECT_EQ(out.graph.initializers.at(codes).materialize().value(),
              expected.codes.materialize().value());
    EXPECT_EQ(out.graph.initializers.at(codes + "_scale").to_floats().value(),
              expected.scale.to_floats().value());
    EXPECT_THAT(out.graph.metadata.at("quantization:" + codes), HasSubstr("error-aware"));
  }
  EXPECT_TRUE(out.graph.initializers.contains("o.weight_int8"));
}

// A plan knows no moments, and its figures must be those of the build.
TEST(ErrorAwareStaticQuantization, WithoutAnyMomentsNamesAndBytesAreTheSame) {
  const Graph graph = attention_graph();
  const StaticQuantizationOptions options = error_aware_options();
  auto moments = std::make_shared<Moments>();
  moments->emplace("norm/RMSNormalization", moments_of(kTestWidth, 8, 21));
  const quant::Ranges ranges = ranges_for(graph, options);
  const auto built = static_quantization(graph, ranges, options, htp(), moments).value();
  const auto planned =
      static_quantization(graph, ranges, options, htp(), std::make_shared<Moments>()).value();
  EXPECT_TRUE(planned.declined.empty());
  ASSERT_EQ(built.graph.initializers.size(), planned.graph.initializers.size());
  for (const auto& [name, tensor] : built.graph.initializers) {
    EXPECT_EQ(planned.graph.initializers.at(name).type(), tensor.type()) << name;
  }
}

TEST(ErrorAwareStaticQuantization, WhatCannotBeRoundedSoIsNamed) {
  graph::Builder b("g");
  const graph::Ref x = b.input("x", DType::kFloat, {int64_t{4}, int64_t{8}});
  const graph::Ref rows = b.weight("a.weight", tensor::floats({8, 8}, test_weights(64, 1)));
  const graph::Ref columns = b.weight("b.weight", tensor::floats({8, 8}, test_weights(64, 2)));
  const graph::Ref y = b.op("Gemm", {x, rows}, "a", {{"transB", int64_t{1}}});
  b.output("y", b.op("MatMul", {y, columns}, "b"), DType::kFloat, {int64_t{4}, int64_t{8}});
  const Graph graph = std::move(b).finish();
  StaticQuantizationOptions options;
  options.weight_rounding = WeightRounding::kErrorAware;
  EXPECT_THAT(values_for_moments(graph, options, htp()).value(), ElementsAre("a/Gemm"));
  auto moments = std::make_shared<Moments>();
  moments->emplace("x", moments_of(8, 8, 1));
  const auto out =
      static_quantization(graph, ranges_for(graph, options), options, htp(), moments).value();
  ASSERT_EQ(out.declined.size(), 2U);
  EXPECT_EQ(out.rewritten, 2);
  EXPECT_THAT(out.declined[0].node, "a/Gemm");
  EXPECT_THAT(out.declined[0].reason, HasSubstr("[inputs, outputs]"));
  EXPECT_THAT(out.declined[1].node, "b/MatMul");
  EXPECT_THAT(out.declined[1].reason, HasSubstr("second moments"));
}

// In a recipe: asked of the calibration graph, once, for what the others compute; and one weight of
// several graphs has one set of codes.
TEST(ErrorAwareStaticQuantization, ThePassAsksTheCalibrationGraph) {
  const auto pass =
      bound(&bind_static_quantization, R"({"weight_type": "int4", "weight_rounding": "error_aware",
                                          "data_config": "chats"})");
  ASSERT_TRUE(pass.ok()) << pass.error().message();
  EXPECT_EQ(pass->options.at("weight_rounding"), "error_aware");

  GraphSet graphs(3);
  for (RoleGraph& each : graphs) each.graph = attention_graph();
  graphs[0].role = Role::kPrefill;
  graphs[1].role = Role::kDecode;
  graphs[2].role = Role::kCalibration;
  graphs[2].graph.name = "observed";
  PassContext context = calibrated_to({-1, 1});
  const auto without = pass->run(graphs, context);
  ASSERT_FALSE(without.ok());
  EXPECT_THAT(without.error().message(), HasSubstr("weight_rounding"));

  int asked = 0;
  context.moments = [&](const MomentRequest& request) {
    ++asked;
    EXPECT_EQ(request.graph.name, "observed");
    EXPECT_EQ(request.data_config, "chats");
    EXPECT_THAT(request.values, ElementsAre("norm/RMSNormalization", "mixed/MatMul"));
    auto out = std::make_shared<Moments>();
    for (const std::string& value : request.values) {
      out->emplace(value, moments_of(kTestWidth, request.block_size, 4));
    }
    return Result<std::shared_ptr<const Moments>>(std::move(out));
  };
  const auto result = pass->run(graphs, context);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(asked, 1);
  ASSERT_EQ(result->graphs.size(), 2U);
  EXPECT_TRUE(result->declined.empty());
  const std::string name = "o.weight_int4_error_aware";
  EXPECT_EQ(result->graphs[0].graph.initializers.at(name).materialize().value(),
            result->graphs[1].graph.initializers.at(name).materialize().value());
}

}  // namespace
}  // namespace lapidary::passes
