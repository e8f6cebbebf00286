// Clip and Relu within OnnxStaticQuantization.
#include "passes/static_quantization/saturation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "graph/builder.h"
#include "passes/static_quantization/static_quantization.h"
#include "passes/test_graphs.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Ref;
using quant::Ranges;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

const graph::SymbolicShape kShape = {int64_t{2}, int64_t{3}};

// x -> Tanh -> Clip -> Sigmoid -> y; with `tap`, the Tanh is an output as well.
Graph clipped(float min, float max, bool tap = false) {
  graph::Builder b("g");
  const Ref x = b.input("x", DType::kFloat, kShape);
  const Ref wide = b.op("Tanh", {x}, "wide");
  const Ref y = b.op("Clip", {wide, b.constant_scalar(min), b.constant_scalar(max)}, "clip");
  b.output("y", b.op("Sigmoid", {y}, "out"), DType::kFloat, kShape);
  if (tap) b.output("tap", wide, DType::kFloat, kShape);
  return std::move(b).finish();
}

Ranges ranges_for(const Graph& graph, const quant::Range& range,
                  const target::QuantizationTraits& traits = htp()) {
  return ranges_of(values_to_calibrate(graph, {}, traits).value(), range);
}

// Catches a Clip that costs the device a pass over its input, and codes spent beyond its limits.
TEST(Saturation, TheEncodingOfItsResultDoesTheWorkOfAClip) {
  const Graph graph = clipped(-0.25F, 0.5F);
  EXPECT_THAT(values_to_calibrate(graph, {}, htp()).value(), Not(Contains("wide/Tanh")));
  const Graph g =
      static_quantization(graph, ranges_for(graph, {-0.25F, 0.5F}), {}, htp()).value().graph;
  EXPECT_FALSE(has_op(g, "Clip"));
  EXPECT_FLOAT_EQ(g.initializers.at("wide/Tanh_scale").to_floats().value()[0], 0.75F / 65535.0F);
  const auto out = std::find_if(g.nodes.begin(), g.nodes.end(),
                                [](const Node& n) { return n.op_type == "Sigmoid"; });
  EXPECT_THAT(out->inputs, ElementsAre("wide/Tanh_dequantized"));
}

// Catches a clamp that is lost: of what others read too, of limits on one side of zero, and where
// an override asks for a wider range.
TEST(Saturation, AClipStaysWhereTheEncodingCannotDoIt) {
  for (const Graph& graph : {clipped(-0.25F, 0.5F, true), clipped(0.25F, 0.5F)}) {
    EXPECT_TRUE(has_op(
        static_quantization(graph, ranges_for(graph, {-1.0F, 1.0F}), {}, htp()).value().graph,
        "Clip"));
  }
  StaticQuantizationOptions options;
  options.tensor_overrides = {{"clip/Clip", {std::nullopt, std::nullopt, quant::Range{-1, 1}}}};
  const Graph graph = clipped(-0.25F, 0.5F);
  const auto out =
      static_quantization(graph, ranges_for(graph, {-0.25F, 0.5F}), options, htp()).value();
  EXPECT_TRUE(has_op(out.graph, "Clip"));
}

// x -> Tanh -> Clip -> right side of a product, which is symmetric. The HTP leaves the Clip out, so
// the encoding in front of it must do its work.
TEST(Saturation, AClipBeforeAProductsRightSideBecomesTheEncodingInFrontOfIt) {
  const graph::SymbolicShape square = {int64_t{4}, int64_t{4}};
  graph::Builder b("right");
  const Ref x = b.input("x", DType::kFloat, square);
  const Ref wide = b.op("Tanh", {x}, "wide");
  const Ref clipped =
      b.op("Clip", {wide, b.constant_scalar(-0.25F), b.constant_scalar(0.5F)}, "clip");
  b.output("y", b.op("MatMul", {x, clipped}, "product"), DType::kFloat, square);
  const Graph graph = std::move(b).finish();
  const auto values = values_to_calibrate(graph, {}, htp());
  ASSERT_TRUE(values.ok());
  EXPECT_THAT(*values, Contains("wide/Tanh"));
  const auto out = static_quantization(graph, ranges_for(graph, {-1, 1}), {}, htp());
  ASSERT_TRUE(out.ok()) << out.error().message();
  EXPECT_FALSE(has_op(out->graph, "Clip"));
  const auto scale = [&](const std::string& name) {
    return out->graph.initializers.at(name).to_floats().value()[0];
  };
  // From -0.25 to 0.5, where the Clip's input saturates, and as far on either side of 0 behind it.
  EXPECT_NEAR(scale("wide/Tanh_scale"), 0.75F / 65535, 1e-7F);
  EXPECT_GT(scale("clip/Clip_scale"), 1.2F * scale("wide/Tanh_scale"));
}

// Catches a margin that is spent on values that a Clip does not let through, or on one end only.
TEST(Saturation, AMarginWidensRangesUpToTheLimits) {
  const auto scale = [](const Graph& graph, const Ranges& ranges, const char* group) {
    StaticQuantizationOptions options;
    options.range_margin = 0.5;
    const Graph g = static_quantization(graph, ranges, options, htp()).value().graph;
    return g.initializers.at(std::string(group) + "_scale").to_floats().value()[0] * 65535.0F;
  };
  const Graph graph = clipped(-0.25F, 0.5F);
  EXPECT_FLOAT_EQ(scale(graph, ranges_for(graph, {-0.1F, 0.2F}), "wide/Tanh"), 0.45F);
  EXPECT_FLOAT_EQ(scale(graph, ranges_for(graph, {-0.1F, 0.4F}), "wide/Tanh"), 0.65F);
  EXPECT_FLOAT_EQ(scale(graph, ranges_for(graph, {0.1F, 0.2F}), "x"), 0.3F);
}

TEST(Saturation, LimitsAreConstantsAroundZero) {
  const Graph graph = clipped(-2, 3);
  EXPECT_EQ(limits_of(graph, graph.nodes[1]), (quant::Range{-2, 3}));
  EXPECT_FALSE(limits_of(graph, graph.nodes[0]));
  const Graph one_sided = clipped(1, 3);
  EXPECT_FALSE(limits_of(one_sided, one_sided.nodes[1]));
}

TEST(Saturation, AnEncodingMayPassTheLimitsByAStep) {
  const quant::Affine affine = {0.01F, 100};
  EXPECT_TRUE(ends_within(affine, DType::kUint8, {-1.0F, 1.55F}));
  EXPECT_TRUE(ends_within(affine, DType::kUint8, {-0.995F, 1.55F}));
  EXPECT_FALSE(ends_within(affine, DType::kUint8, {-1.0F, 1.5F}));
  EXPECT_FALSE(ends_within(affine, DType::kUint8, {-0.9F, 2.0F}));
}

// Catches a rule of the HTP's that is followed on every target.
TEST(TargetTraits, AClipStaysWhereTheTargetComputesIt) {
  const Graph graph = clipped(-1.0F, 3.0F);
  const auto quantized = [&](const target::QuantizationTraits& traits) {
    const Ranges ranges = ranges_for(graph, {-1, 3}, traits);
    return checked(static_quantization(graph, ranges, {}, traits)).graph;
  };
  EXPECT_FALSE(has_node(quantized(htp()), "clip/Clip"));
  EXPECT_TRUE(has_node(quantized(invented_target()), "clip/Clip"));
  EXPECT_THAT(values_to_calibrate(graph, {}, invented_target()).value(), Contains("wide/Tanh"));
}

}  // namespace
}  // namespace lapidary::passes
