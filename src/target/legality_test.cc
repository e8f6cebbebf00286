// What check says of whole graphs: order, several faults at once, what cannot be told.
#include "target/legality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "target/test_graphs.h"

namespace lapidary::target {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Record v81() { return *record_of(Arch::kV81); }

std::vector<std::string> said(const std::vector<Finding>& findings) {
  std::vector<std::string> out;
  for (const Finding& finding : findings) {
    out.push_back(finding.op + ": " + finding.rule + ": " + name_of(finding.verdict));
  }
  return out;
}

// An attention product in QDQ form, as the quantizing pass should leave it.
TEST(Check, ALegalGraphYieldsNothing) {
  Builder b("legal");
  const Ref query = a16(b, {1, 8, 64}, "query");
  const Ref scale = filled(b, "k_s", DType::kFloat, {});
  const Ref zero = filled(b, "k_z", DType::kInt16, {});
  const Ref rows = b.op("Transpose", {quantized(b, {1, 16, 64}, DType::kInt16, 0, "keys")});
  const Ref keys =
      b.op("DequantizeLinear", {b.op("QuantizeLinear", {rows, scale, zero}), scale, zero});
  const Ref scores = b.op("MatMul", {query, keys});
  const Ref codes = b.op("QuantizeLinear", {scores, filled(b, "s", DType::kFloat, {}),
                                            filled(b, "z", DType::kUint16, {}, 0x80)});
  b.output("y", codes, DType::kUint16, {int64_t{1}, int64_t{8}, int64_t{16}});
  EXPECT_THAT(said(check(std::move(b).finish(), v81())), IsEmpty());
}

TEST(Check, SaysEverythingInTheGraphsOrder) {
  Builder b("faults");
  const Ref x = b.input("x", DType::kFloat, {int64_t{1}, "n", int64_t{64}});
  const Ref skipped = b.microsoft_op("FastGelu", {x}, "mlp");
  b.op("Erf", {skipped}, "mlp");
  weight(b, {DType::kInt4, Scheme::kBlockExpansion, ZeroPoints::kOther, 8});
  EXPECT_THAT(said(check(std::move(b).finish(), v81())),
              ElementsAre("(graph input or output): graph.symbolic_dim: refused",
                          "com.microsoft::FastGelu: op.fast_gelu: refused", "Erf: op.erf: refused",
                          "DequantizeLinear: weight.blocks_with_zero_points: wrong numbers",
                          "DequantizeLinear: weight.lpbq_small_blocks: wrong numbers"));
}

graph::Graph reshaped_norm() {
  Builder b("norm");
  const Ref heads = b.op("Reshape", {plain(b, {1, 216, 64}), b.constant({1, 216, 4, 16})}, "heads");
  b.op("RMSNormalization", {heads, filled(b, "gamma", DType::kFloat, {16})}, "norm");
  return std::move(b).finish();
}

// Without the shape the norm may be one that computes wrong numbers: silence would be a guess.
TEST(Check, SaysWhatCannotBeToldWithoutShapes) {
  const auto findings = check(reshaped_norm(), v81());
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].verdict, Verdict::kUnmeasured);
  EXPECT_EQ(findings[0].node, "norm/RMSNormalization");
  EXPECT_EQ(findings[0].rule, "rms_norm.float_rank_4_small");
  EXPECT_THAT(findings[0].reason, HasSubstr("not known"));
}

TEST(Check, TakesShapesFromTheCaller) {
  EXPECT_THAT(said(check(reshaped_norm(), v81(), {{"heads/Reshape", {1, 216, 4, 16}}})),
              ElementsAre("RMSNormalization: rms_norm.float_rank_4_small: wrong numbers"));
  EXPECT_THAT(check(reshaped_norm(), v81(), {{"heads/Reshape", {1, 864, 16}}}), IsEmpty());
}

TEST(Check, AFormThatNobodyMeasuredIsNotCalledLegal) {
  Builder b("unknown");
  b.op("OneHot", {plain(b, {1, 3})}, "somewhere");
  b.op("Shape", {b.input("y", DType::kFloat, {int64_t{2}})});
  const auto findings = check(std::move(b).finish(), v81());
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].node, "somewhere/OneHot");
  EXPECT_EQ(findings[0].verdict, Verdict::kUnmeasured);
  EXPECT_EQ(findings[0].rule, "");
}

// Zero points that are computed may be anything.
TEST(Check, ZeroPointsThatAreInputsCannotBeTold) {
  Builder b("computed");
  b.op("DequantizeLinear",
       {filled(b, "w", DType::kInt8, {kIn, kOut}), filled(b, "s", DType::kFloat, {kOut}),
        plain(b, {kOut}, DType::kInt8, "zero_points")},
       "", {{"axis", int64_t{1}}});
  const auto findings = check(std::move(b).finish(), v81());
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].verdict, Verdict::kUnmeasured);
  EXPECT_EQ(findings[0].rule, "weight.channel_with_zero_points");
}

// Scales that are found when a weight is written. Here they cannot be.
class ScalesToBe final : public tensor::Producer {
 public:
  ScalesToBe() : Producer({DType::kFloat, {kOut}}) {}
  Status read_tiles(int64_t, int64_t, std::span<const std::span<std::byte>>) const override {
    ADD_FAILURE() << "the scales are read";
    return internal_error("scales", "are read");
  }
  std::optional<float> lower_bound(size_t) const override { return 0.0F; }
  std::string describe() const override { return "scales"; }
};

// To look for negative scales in those that cannot be negative would read all weights of a model,
// gigabytes, in a plan.
TEST(Check, ReadsNoScalesThatAreKnownToBePositive) {
  Builder b("scales");
  const Ref scales = b.weight("s", tensor::Tensor(std::make_shared<ScalesToBe>()));
  b.op("DequantizeLinear",
       {filled(b, "w", DType::kInt8, {kIn, kOut}), scales, filled(b, "z", DType::kInt8, {kOut})},
       "w", {{"axis", int64_t{1}}});
  EXPECT_THAT(said(check(std::move(b).finish(), v81())), IsEmpty());
}

// The integer kernel for MatMulNBits came with v81.
TEST(Check, FollowsTheArch) {
  const auto graph = [] {
    Builder b("nbits");
    b.microsoft_op("MatMulNBits", {a16(b), filled(b, "w", DType::kUint8, {kOut, 2, 16})}, "",
                   {{"bits", int64_t{4}}, {"block_size", int64_t{32}}});
    return std::move(b).finish();
  };
  EXPECT_THAT(check(graph(), v81()), IsEmpty());
  EXPECT_THAT(said(check(graph(), *record_of(Arch::kV79))),
              ElementsAre("com.microsoft::MatMulNBits: nbits.a16_4_bits_float16: lowered"));
}

}  // namespace
}  // namespace lapidary::target
