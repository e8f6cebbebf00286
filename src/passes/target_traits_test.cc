// Passes on a target that nobody makes: what they choose is its traits' word, not the HTP's.
// Catches a rule of one vendor that stands in a pass.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "graph/builder.h"
#include "graph/fixed_shapes.h"
#include "passes/fixed_shapes/lower_rms_norm.h"
#include "passes/lpbq/block_quant_to_lpbq.h"
#include "passes/static_quantization/static_quantization.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Ref;
using quant::Ranges;
using target::QuantizationTraits;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// Takes every form as written, and LPBQ of other blocks than the HTP.
QuantizationTraits invented() {
  return {.target = "an invented target",
          .lpbq = target::LpbqBlocks{.smallest = 8, .multiple = 24, .largest = 96}};
}

Graph quantized(const Graph& graph, const StaticQuantizationOptions& options,
                const QuantizationTraits& traits) {
  Ranges ranges;
  const auto values = values_to_calibrate(graph, options, traits).value();
  for (const std::string& value : values) EXPECT_TRUE(ranges.set(value, {-1, 3}).ok());
  auto out = static_quantization(graph, ranges, options, traits);
  EXPECT_TRUE(out.ok()) << out.error().message();
  const Status sound = graph::check(out->graph);
  EXPECT_TRUE(sound.ok()) << sound.error().message();
  return out->graph;
}

bool has_node(const Graph& g, const std::string& name) {
  return std::any_of(g.nodes.begin(), g.nodes.end(),
                     [&](const Node& node) { return node.name == name; });
}

const tensor::Tensor& zero_point_of(const Graph& g, const std::string& value) {
  for (const Node& node : g.nodes) {
    if (node.name == value + "/QuantizeLinear") return g.initializers.at(node.inputs[2]);
  }
  throw std::runtime_error("no encoding of " + value);
}

TEST(TargetTraits, SignedOperandsAreTheTargets) {
  const Graph unsigned_alone = quantized(attention_graph(), {}, invented());
  for (const char* value : {"q/MatMul", "k/MatMul", "past", "present", "shares/Softmax"}) {
    EXPECT_EQ(zero_point_of(unsigned_alone, value).dtype(), DType::kUint16) << value;
  }
  EXPECT_FALSE(has_node(unsigned_alone, "k/MatMul_uint16/QuantizeLinear"));

  QuantizationTraits left = invented();
  left.signed_operands = {{"MatMul", 0}};
  const Graph signed_left = quantized(attention_graph(), {}, left);
  EXPECT_EQ(zero_point_of(signed_left, "q/MatMul").dtype(), DType::kInt16);
  EXPECT_EQ(zero_point_of(signed_left, "k/MatMul").dtype(), DType::kUint16);
  EXPECT_EQ(zero_point_of(quantized(attention_graph(), {}, htp()), "q/MatMul").dtype(),
            DType::kUint16);
}

TEST(TargetTraits, NarrowActivationsAreSignedWhereTheTargetWantsThat) {
  StaticQuantizationOptions options;
  options.activation_type = DType::kUint8;
  QuantizationTraits traits = htp();
  EXPECT_EQ(zero_point_of(quantized(attention_graph(), options, traits), "past").dtype(),
            DType::kUint8);
  traits.least_signed_bits = 8;
  EXPECT_EQ(zero_point_of(quantized(attention_graph(), options, traits), "past").dtype(),
            DType::kInt8);
}

TEST(TargetTraits, SignedActivationsHaveZeroPointsWhereTheTargetTakesThem) {
  StaticQuantizationOptions options;
  options.activation_type = DType::kInt16;
  const auto zero_point = [&](const QuantizationTraits& traits) {
    return zero_point_of(quantized(attention_graph(), options, traits), "x").to_integers().value();
  };
  EXPECT_THAT(zero_point(htp()), ElementsAre(0));
  EXPECT_THAT(zero_point(invented()), Not(ElementsAre(0)));
}

TEST(TargetTraits, IntegersOfSeveralTypesMeetWhereTheTargetTakesThem) {
  StaticQuantizationOptions options;
  options.tensor_overrides = {{"q/MatMul", {DType::kInt16, true, std::nullopt}}};
  const std::string conversion = "q/MatMul_uint16/QuantizeLinear";
  EXPECT_TRUE(has_node(quantized(attention_graph(), options, htp()), conversion));
  const Graph mixed = quantized(attention_graph(), options, invented());
  EXPECT_EQ(zero_point_of(mixed, "q/MatMul").dtype(), DType::kInt16);
  EXPECT_FALSE(has_node(mixed, conversion));
}

TEST(TargetTraits, AClipStaysWhereTheTargetComputesIt) {
  graph::Builder b("g");
  const graph::SymbolicShape shape = {int64_t{2}, int64_t{3}};
  const Ref wide = b.op("Tanh", {b.input("x", DType::kFloat, shape)}, "wide");
  const Ref y = b.op("Clip", {wide, b.constant_scalar(-1.0F), b.constant_scalar(3.0F)}, "clip");
  b.output("y", b.op("Sigmoid", {y}, "out"), DType::kFloat, shape);
  const Graph graph = std::move(b).finish();
  EXPECT_FALSE(has_node(quantized(graph, {}, htp()), "clip/Clip"));
  EXPECT_TRUE(has_node(quantized(graph, {}, invented()), "clip/Clip"));
  EXPECT_THAT(values_to_calibrate(graph, {}, invented()).value(), Contains("wide/Tanh"));
}

// MatMul of uint16 by int4 in blocks of `block`, over 96 inputs.
Graph in_blocks(int64_t block) {
  graph::Builder b("g");
  const auto zeros = [&](const std::string& name, DType dtype, tensor::Shape shape) {
    const tensor::TensorType type{dtype, std::move(shape)};
    return b.weight(
        name, tensor::literal(type, std::vector<std::byte>(static_cast<size_t>(type.bytes()))));
  };
  const auto encoded = [&](const Ref& value, const std::string& name) {
    const Ref scale = b.weight(name + ".scale", tensor::scalar(0.5F));
    const Ref zero = zeros(name + ".zero", DType::kUint16, {});
    const Ref codes = b.op("QuantizeLinear", {value, scale, zero}, name);
    return b.op("DequantizeLinear", {codes, scale, zero}, name);
  };
  const Ref x = encoded(b.input("x", DType::kFloat, {int64_t{3}, int64_t{96}}), "x");
  const Ref scales =
      b.weight("w.scales", tensor::floats({96 / block, 2}, test_weights(2 * 96 / block, 3)));
  const Ref w = b.op("DequantizeLinear", {zeros("w.codes", DType::kInt4, {96, 2}), scales}, "w",
                     {{"axis", int64_t{0}}, {"block_size", block}});
  b.output("y", encoded(b.op("MatMul", {x, w}, "product"), "y"), DType::kFloat,
           {int64_t{3}, int64_t{2}});
  return std::move(b).finish();
}

TEST(TargetTraits, LpbqHasTheTargetsBlocks) {
  const auto run = [](int64_t block, const QuantizationTraits& traits) {
    return block_quant_to_lpbq(in_blocks(block), {}, traits).value();
  };
  for (const int64_t block : {16, 32, 96}) EXPECT_EQ(run(block, htp()).rewritten, 1) << block;
  for (const int64_t block : {8, 24, 48}) EXPECT_EQ(run(block, invented()).rewritten, 1) << block;
  for (const auto& [block, traits, reason] :
       {std::tuple{int64_t{8}, htp(), "blocks of 16 to 256"},
        std::tuple{int64_t{48}, htp(), "blocks of 16, or of a multiple of 32"},
        std::tuple{int64_t{32}, invented(), "blocks of 8, or of a multiple of 24"}}) {
    const PassOutcome left = run(block, traits);
    EXPECT_EQ(left.rewritten, 0) << block;
    ASSERT_THAT(left.declined, SizeIs(1)) << block;
    EXPECT_THAT(left.declined[0].reason, HasSubstr(reason));
    EXPECT_FALSE(left.declined[0].refused);
  }
}

TEST(TargetTraits, LpbqIsRefusedWhereTheTargetTakesNone) {
  QuantizationTraits traits = invented();
  traits.lpbq = std::nullopt;
  const auto refused = block_quant_to_lpbq(in_blocks(32), {}, traits);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("an invented target takes no LPBQ"));
  const auto left = block_quant_to_lpbq(in_blocks(32), {.leave_unsupported = true}, traits);
  ASSERT_TRUE(left.ok()) << left.error().message();
  ASSERT_THAT(left->declined, SizeIs(1));
  EXPECT_TRUE(left->declined[0].refused);
}

TEST(TargetTraits, NormsHaveAnyRankThatTheTargetTakes) {
  graph::Builder b("g");
  const Ref x =
      b.input("x", DType::kFloat, {int64_t{2}, int64_t{5}, int64_t{3}, int64_t{4}, int64_t{8}});
  const Ref w = b.weight("w", tensor::floats({8}, std::vector<float>(8, 1.0F)));
  b.output("y", b.op("Tanh", {b.op("RMSNormalization", {x, w}, "norm")}), DType::kFloat, {});
  const Graph graph = std::move(b).finish();
  const auto shape_of_norm = [&](std::optional<int64_t> rank) {
    QuantizationTraits traits = invented();
    traits.largest_norm_rank = rank;
    const PassOutcome out = lower_rms_norm(graph, traits).value();
    const auto known = graph::infer_shapes(out.graph).value();
    for (const Node& node : out.graph.nodes) {
      if (node.op_type == "RMSNormalization") return known.shapes.at(node.outputs[0]);
    }
    throw std::runtime_error("no norm");
  };
  EXPECT_THAT(shape_of_norm(std::nullopt), ElementsAre(2, 5, 3, 4, 8));
  EXPECT_THAT(shape_of_norm(5), ElementsAre(2, 5, 3, 4, 8));
  EXPECT_THAT(shape_of_norm(4), ElementsAre(2, 5, 12, 8));
  EXPECT_THAT(shape_of_norm(3), ElementsAre(2, 60, 8));
  EXPECT_THAT(shape_of_norm(2), ElementsAre(120, 8));
  QuantizationTraits none = invented();
  none.largest_norm_rank = 1;
  EXPECT_FALSE(lower_rms_norm(graph, none).ok());
}

// Catches a pass that falls back on some target when it is told of none.
TEST(TargetTraits, WithoutATargetPassesThatNeedOneFail) {
  for (const char* type : {"LowerRMSNormalization", "BlockQuantToLpbq", "MatMulNBitsToQDQ",
                           "OnnxStaticQuantization"}) {
    const JsonDocument document = JsonDocument::parse("{}", type).value();
    JsonReader reader = document.root();
    const BoundPass pass = find_pass(type, "test").value()->bind(reader);
    GraphSet graphs(1);
    graphs[0].graph = attention_graph();
    PassContext context;
    context.calibrate = [](const CalibrationRequest&) { return Result<Ranges>(Ranges()); };
    const auto out = pass.run(std::move(graphs), context);
    ASSERT_FALSE(out.ok()) << type;
    EXPECT_THAT(out.error().message(), HasSubstr("no target is named")) << type;
  }
}

}  // namespace
}  // namespace lapidary::passes
