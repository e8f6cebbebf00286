// What BlockQuantToLpbq does with constants that it cannot use; its results are tested in
// tests/convert_test.cc.
#include "passes/lpbq/block_quant_to_lpbq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "graph/builder.h"
#include "passes/test_graphs.h"
#include "tensor/expressions.h"
#include "tensor/testing/unreadable.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Ref;
using target::QuantizationTraits;
using tensor::Tensor;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Tensor zeros(DType dtype, tensor::Shape shape) {
  const tensor::TensorType type{dtype, std::move(shape)};
  return tensor::literal(type, std::vector<std::byte>(static_cast<size_t>(type.bytes())));
}

// y = x w + bias on 16-bit codes, w [64, 16] in blocks of 32.
Graph product() {
  Graph graph;
  graph.name = "g";
  graph.opsets = {{"", 21}};
  graph.inputs = {{"x", DType::kUint16, {int64_t{1}, int64_t{64}}}};
  graph.outputs = {{"y", DType::kUint16, {int64_t{1}, int64_t{16}}}};
  graph.initializers = {{"w", zeros(DType::kInt4, {64, 16})},
                        {"w_scale", tensor::floats({2, 16}, std::vector<float>(32, 0.5F))},
                        {"x_scale", tensor::scalar(0.25F)},
                        {"x_zero", zeros(DType::kUint16, {})},
                        {"y_scale", tensor::scalar(0.25F)},
                        {"y_zero", zeros(DType::kUint16, {})},
                        {"bias", tensor::floats({16}, std::vector<float>(16, 1.0F))}};
  graph.nodes = {
      {"", "DequantizeLinear", "x_dq", {"x", "x_scale", "x_zero"}, {"xf"}, {}},
      {"",
       "DequantizeLinear",
       "w_dq",
       {"w", "w_scale"},
       {"wf"},
       {{"axis", int64_t{0}}, {"block_size", int64_t{32}}}},
      {"", "Gemm", "product", {"xf", "wf", "bias"}, {"yf"}, {}},
      {"", "QuantizeLinear", "y_q", {"yf", "y_scale", "y_zero"}, {"y"}, {}},
  };
  return graph;
}

std::string error_with(const std::string& constant, Tensor value) {
  Graph graph = product();
  graph.initializers[constant] = std::move(value);
  const auto outcome = block_quant_to_lpbq(std::move(graph), {}, htp());
  return outcome.ok() ? "" : outcome.error().message();
}

TEST(BlockQuantToLpbq, ConvertsTheProductOfThisTest) {
  const auto outcome = block_quant_to_lpbq(product(), {}, htp());
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  EXPECT_EQ(outcome->rewritten, 1);
}

// Catches a product that is left as it is, or goes on with a scale of 1, because of a damaged file.
TEST(BlockQuantToLpbq, ConstantsThatCannotBeReadAreErrorsThatNameThem) {
  for (const char* scale : {"x_scale", "y_scale"}) {
    EXPECT_THAT(error_with(scale, tensor::unreadable(DType::kFloat, {})),
                AllOf(HasSubstr("'" + std::string(scale) + "'"), HasSubstr("ends early")));
  }
  for (const char* zero : {"x_zero", "y_zero"}) {
    EXPECT_THAT(error_with(zero, tensor::unreadable(DType::kUint16, {})),
                AllOf(HasSubstr("'" + std::string(zero) + "'"), HasSubstr("ends early")));
  }
  EXPECT_THAT(error_with("bias", tensor::unreadable(DType::kFloat, {16})),
              AllOf(HasSubstr("'bias'"), HasSubstr("ends early")));
}

// No encoding covers a range that is not finite.
TEST(BlockQuantToLpbq, ScalesAndBiasesThatAreNotFiniteAreErrorsThatNameTheValue) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(error_with("y_scale", tensor::scalar(bad)),
                AllOf(HasSubstr("'w_product'"), HasSubstr("is not a range of finite numbers")));
    EXPECT_THAT(error_with("bias", tensor::floats({16}, std::vector<float>(16, bad))),
                AllOf(HasSubstr("'w_product'"), HasSubstr("is not a range of finite numbers")));
  }
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
  for (const int64_t block : {8, 24, 48})
    EXPECT_EQ(run(block, invented_target()).rewritten, 1) << block;
  for (const auto& [block, traits, reason] :
       {std::tuple{int64_t{8}, htp(), "blocks of 16 to 256"},
        std::tuple{int64_t{48}, htp(), "blocks of 16, or of a multiple of 32"},
        std::tuple{int64_t{32}, invented_target(), "blocks of 8, or of a multiple of 24"}}) {
    const PassOutcome left = run(block, traits);
    EXPECT_EQ(left.rewritten, 0) << block;
    ASSERT_THAT(left.declined, SizeIs(1)) << block;
    EXPECT_THAT(left.declined[0].reason, HasSubstr(reason));
    EXPECT_FALSE(left.declined[0].refused);
  }
}

TEST(TargetTraits, LpbqIsRefusedWhereTheTargetTakesNone) {
  QuantizationTraits traits = invented_target();
  traits.lpbq = std::nullopt;
  const auto refused = block_quant_to_lpbq(in_blocks(32), {}, traits);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("an invented target takes no LPBQ"));
  const auto left = block_quant_to_lpbq(in_blocks(32), {.leave_unsupported = true}, traits);
  ASSERT_TRUE(left.ok()) << left.error().message();
  ASSERT_THAT(left->declined, SizeIs(1));
  EXPECT_TRUE(left->declined[0].refused);
}

// Conv 3x3 of 16-bit codes by int4 in blocks of 32, beside something of its own.
Graph convolution_beside_a_stranger() {
  graph::Builder b("g");
  const auto zeros_named = [&](const std::string& name, DType dtype, tensor::Shape shape) {
    return b.weight(name, zeros(dtype, std::move(shape)));
  };
  const auto encoded = [&](const Ref& value, const std::string& name) {
    const Ref scale = b.weight(name + ".scale", tensor::scalar(0.5F));
    const Ref zero = zeros_named(name + ".zero", DType::kUint16, {});
    const Ref codes = b.op("QuantizeLinear", {value, scale, zero}, name);
    return b.op("DequantizeLinear", {codes, scale, zero}, name);
  };
  const Ref x = b.input("x", DType::kFloat, {int64_t{1}, int64_t{32}, int64_t{5}, int64_t{5}});
  const Ref other = b.input("other", DType::kFloat, {"any"});
  b.output("stranger", b.op("Frobnicate", {other}), DType::kFloat, {"any"});
  const Ref scales = b.weight("w.scales", tensor::floats({2, 1, 3, 3}, test_weights(18, 3)));
  const Ref w =
      b.op("DequantizeLinear", {zeros_named("w.codes", DType::kInt4, {2, 32, 3, 3}), scales}, "w",
           {{"axis", int64_t{1}}, {"block_size", int64_t{32}}});
  b.output("y", encoded(b.op("Conv", {encoded(x, "x"), w}, "conv"), "y"), DType::kFloat,
           {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{3}});
  return std::move(b).finish();
}

// Would catch shapes that are given up for all because of one node.
TEST(BlockQuantToLpbq, AnUnrelatedNodeWithoutAShapeHindersNoConv) {
  const auto outcome = block_quant_to_lpbq(convolution_beside_a_stranger(), {}, htp());
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  EXPECT_EQ(outcome->rewritten, 1)
      << (outcome->declined.empty() ? "" : outcome->declined[0].reason);
  EXPECT_FALSE(has_op(outcome->graph, "Conv"));
}

TEST(BlockQuantToLpbq, BadOptionsAreNamed) {
  const Bind bind = &bind_block_quant_to_lpbq;
  EXPECT_EQ(verdict(bind, R"({"on_unsupported": "leave"})"), "accepted");
  EXPECT_EQ(bound(bind, "{}")->options.at("on_unsupported"), "refuse");
  EXPECT_THAT(verdict(bind, R"({"on_unsupported": "keep"})"), HasSubstr("use refuse or leave"));
  EXPECT_THAT(verdict(bind, R"({"block_size": 32})"), HasSubstr("block_size"));
}

// Would catch a product that gets the weight of another with the same codes.
TEST(BlockQuantToLpbq, CodesWithOtherScalesAreAnotherWeight) {
  Graph graph = product();
  graph.initializers["v_scale"] = tensor::floats({2, 16}, std::vector<float>(32, 0.125F));
  graph.nodes.push_back({"",
                         "DequantizeLinear",
                         "v_dq",
                         {"w", "v_scale"},
                         {"vf"},
                         {{"axis", int64_t{0}}, {"block_size", int64_t{32}}}});
  graph.nodes.push_back({"", "Gemm", "other", {"xf", "vf", "bias"}, {"zf"}, {}});
  graph.nodes.push_back({"", "QuantizeLinear", "z_q", {"zf", "y_scale", "y_zero"}, {"z"}, {}});
  graph.outputs.push_back({"z", DType::kUint16, {int64_t{1}, int64_t{16}}});
  const PassOutcome out = checked(block_quant_to_lpbq(std::move(graph), {}, htp()));
  EXPECT_EQ(out.rewritten, 2);
  std::vector<std::string> weights;
  for (const graph::Node& node : out.graph.nodes) {
    if (node.op_type == "MatMul") weights.push_back(node.inputs[1]);
  }
  ASSERT_THAT(weights, SizeIs(2));
  EXPECT_NE(weights[0], weights[1]);
}

}  // namespace
}  // namespace lapidary::passes
