// Scales below zero: codes that round to the nearest put a channel's largest weight at -8, with a
// negative scale where that weight is positive.
#include "passes/weight_only/matmul_nbits_to_qdq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/testing/compare.h"
#include "graph/builder.h"
#include "passes/test_graphs.h"
#include "tensor/expressions.h"
#include "weights/code_packing.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int64_t kInputs = 32;
const std::vector<float> kScales = {0.25F, -0.5F};  // of the two channels, or of all their blocks

// Codes -8 to 7 of every channel, over and over.
int code_at(size_t input) { return static_cast<int>(input % 16) - 8; }

Graph product(int64_t block_size) {
  const int64_t blocks = kInputs / block_size;
  std::vector<std::byte> codes(2 * kInputs / 2);
  for (size_t i = 0; i < 2 * codes.size(); ++i) weights::put_nibble(codes, i, code_at(i) + 8);
  std::vector<float> scales;
  for (const float scale : kScales) scales.insert(scales.end(), static_cast<size_t>(blocks), scale);
  graph::Builder b("g");
  const graph::Ref y = b.microsoft_op(
      "MatMulNBits",
      {b.input("x", DType::kFloat, {int64_t{1}, kInputs}),
       b.weight("w", tensor::literal({DType::kUint8, {2, blocks, block_size / 2}}, codes)),
       b.weight("s", tensor::floats({2, blocks}, scales))},
      "product",
      {{"N", int64_t{2}}, {"K", kInputs}, {"bits", int64_t{4}}, {"block_size", block_size}});
  b.output("y", y, DType::kFloat, {int64_t{1}, int64_t{2}});
  return std::move(b).finish();
}

Result<PassOutcome> converted(int64_t block_size, OnUnsafe on_unsafe) {
  return matmul_nbits_to_qdq(product(block_size), {.use_int4 = true, .on_unsafe = on_unsafe},
                             htp());
}

struct Weight {
  std::vector<float> scales;  // [blocks, 2]
  std::vector<float> values;  // [K, 2]
};

Weight weight_of(const Graph& graph) {
  const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const auto& each) {
    return each.op_type == "DequantizeLinear";
  });
  const auto codes = graph.initializers.at(node->inputs[0]).materialize().value();
  Weight out{graph.initializers.at(node->inputs[1]).to_floats().value(), {}};
  const size_t block = kInputs / (out.scales.size() / 2);
  for (size_t i = 0; i < 2 * kInputs; ++i) {
    const float scale = out.scales[i / 2 / block * 2 + i % 2];
    out.values.push_back(static_cast<float>(weights::signed_nibble(codes, i)) * scale);
  }
  return out;
}

float value_at(size_t i) { return static_cast<float>(code_at(i / 2)) * kScales[i % 2]; }
std::vector<float> all_values() {
  std::vector<float> out;
  for (size_t i = 0; i < 2 * kInputs; ++i) out.push_back(value_at(i));
  return out;
}

// Catches channels that would be computed wrong in silence on the HTP.
TEST(MatMulNBitsToQdq, RefusesChannelsWithNegativeScales) {
  const auto outcome = converted(kInputs, OnUnsafe::kRefuse);
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.error().message(),
              AllOf(HasSubstr("product"), HasSubstr("negative scales"),
                    HasSubstr("on_unsafe=recode"), HasSubstr("on_unsafe=keep")));
}

TEST(MatMulNBitsToQdq, RecodesChannelsToPositiveScales) {
  const auto outcome = converted(kInputs, OnUnsafe::kRecode);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  const Weight weight = weight_of(outcome->graph);
  ASSERT_THAT(weight.scales, SizeIs(2));
  EXPECT_THAT(weight.scales, Each(Gt(0)));
  // Half a step, or a whole one at the end that loses its code.
  for (size_t i = 0; i < weight.values.size(); ++i) {
    EXPECT_NEAR(weight.values[i], value_at(i), 1.01F * std::abs(kScales[i % 2])) << i;
  }
  EXPECT_LT(relative_error(weight.values, all_values()), 0.08);
}

TEST(MatMulNBitsToQdq, KeepsNegativeScalesOfChannelsWhenTold) {
  const auto outcome = converted(kInputs, OnUnsafe::kKeep);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  const Weight weight = weight_of(outcome->graph);
  EXPECT_EQ(weight.scales, kScales);
  EXPECT_EQ(weight.values, all_values());
}

// What is unsafe is the target's word: one that takes negative scales gets the codes as they are.
TEST(MatMulNBitsToQdq, LeavesNegativeScalesOfChannelsToATargetThatTakesThem) {
  target::QuantizationTraits traits = htp();
  traits.weights.negative_channel_scales = true;
  const auto outcome = matmul_nbits_to_qdq(product(kInputs), {.use_int4 = true}, traits);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  EXPECT_EQ(weight_of(outcome->graph).scales, kScales);
}

// The HTP computes negative scales of blocks right: nothing to refuse, nothing to round anew.
TEST(MatMulNBitsToQdq, LeavesNegativeScalesOfBlocks) {
  for (const OnUnsafe on_unsafe : {OnUnsafe::kRefuse, OnUnsafe::kRecode}) {
    const auto outcome = converted(16, on_unsafe);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message();
    const Weight weight = weight_of(outcome->graph);
    ASSERT_THAT(weight.scales, SizeIs(4));
    EXPECT_EQ(weight.values, all_values());
  }
}

TEST(MatMulNBitsToQdq, LeavesWhatIsExcludedAndNamesPatternsThatMatchNothing) {
  const auto out = matmul_nbits_to_qdq(
      product(16), {.use_int4 = true, .nodes_to_exclude = {"prod*", "misspelt"}}, htp());
  ASSERT_TRUE(out.ok()) << out.error().message();
  EXPECT_EQ(out->rewritten, 0);
  EXPECT_TRUE(has_op(out->graph, "MatMulNBits"));
  const auto absent = std::find_if(out->declined.begin(), out->declined.end(),
                                   [](const Declined& each) { return each.absent; });
  ASSERT_NE(absent, out->declined.end());
  EXPECT_EQ(absent->node, "misspelt");
}

TEST(MatMulNBitsToQdq, BadOptionsAreNamed) {
  const Bind bind = &bind_matmul_nbits_to_qdq;
  EXPECT_EQ(verdict(bind, R"({"use_int4": true, "add_zero_point": true, "on_unsafe": "keep"})"),
            "accepted");
  EXPECT_EQ(bound(bind, "{}")->options.at("on_unsafe"), "refuse");
  EXPECT_THAT(verdict(bind, R"({"on_unsafe": "hope"})"),
              AllOf(HasSubstr("'hope' is no choice"), HasSubstr("recode")));
  EXPECT_THAT(verdict(bind, R"({"use_int3": true})"), HasSubstr("use_int3"));
}

}  // namespace
}  // namespace lapidary::passes
