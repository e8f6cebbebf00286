// The tables themselves: nothing missing, nothing twice, texts that a person can read.
#include "target/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "target/tables.h"

namespace lapidary::target {
namespace {

using ::testing::HasSubstr;

TEST(Record, RulesAreComplete) {
  for (const Arch arch : archs()) {
    const auto record = record_of(arch);
    ASSERT_TRUE(record.ok());
    std::set<std::string> ids;
    for (const Rule* rule : record->rules) {
      SCOPED_TRACE(rule->id);
      EXPECT_TRUE(ids.insert(rule->id).second);
      EXPECT_FALSE(rule->ops.empty());
      EXPECT_FALSE(rule->reason.empty());
      EXPECT_FALSE(rule->measured.empty());
      EXPECT_FALSE(rule->seen_on.empty());
      EXPECT_NE(rule->verdict, Verdict::kUnmeasured);
      if (rule->verdict == Verdict::kRefused || rule->verdict == Verdict::kWrong) {
        EXPECT_FALSE(rule->remedy.empty());
      }
      // What was seen on an arch must be said of it.
      for (const Arch seen : rule->seen_on) {
        EXPECT_TRUE(rule->holds.empty() ||
                    std::find(rule->holds.begin(), rule->holds.end(), seen) != rule->holds.end());
      }
    }
  }
}

TEST(Record, RefusesAStackThatNobodyMeasured) {
  const auto record = record_of(Arch::kV81, "2.8.0");
  ASSERT_FALSE(record.ok());
  EXPECT_EQ(record.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(record.error().message(), HasSubstr("2.7.0"));
}

// Catches a record that has every rule without an arch of its own, and none of the traits.
TEST(Record, RefusesAnArchThatNobodyMeasured) {
  const auto arch = static_cast<Arch>(99);
  const auto record = record_of(arch);
  ASSERT_FALSE(record.ok());
  EXPECT_EQ(record.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(record.error().message(), HasSubstr("arch v99"));
  EXPECT_FALSE(traits_of(Target{arch, nullptr}).ok());
}

TEST(Traits, AreThoseOfTheChipOrOfTheReference) {
  EXPECT_EQ(traits_of(resolve("v73", "").value())->target, "the HTP (v73)");
  EXPECT_EQ(traits_of(resolve("", "SM8750").value())->target, "the HTP (v79)");
  EXPECT_EQ(traits_of(std::nullopt)->target, "the HTP (v81)");
}

// Catches a value that nothing measured stands behind, and evidence that is gone.
TEST(Traits, EachHasEvidenceInTheRecord) {
  const std::set<std::string> fields = {"signed_operands",
                                        "least_signed_bits",
                                        "signed_at_zero",
                                        "one_integer_type",
                                        "clips_by_encoding",
                                        "lpbq.smallest",
                                        "lpbq.multiple",
                                        "lpbq.largest",
                                        "weights.unsigned_codes",
                                        "weights.zero_points",
                                        "weights.transposed_blocks",
                                        "weights.negative_channel_scales",
                                        "largest_norm_rank",
                                        "float16_mask",
                                        "quantized_mask"};
  for (const Arch arch : archs()) {
    const Record record = record_of(arch).value();
    std::set<std::string> ids;
    for (const Rule* rule : record.rules) ids.insert(rule->id);
    for (const Preference& preference : record.preferences) ids.insert(preference.id);
    std::set<std::string> told;
    for (const TraitEvidence& each : record.traits.evidence) {
      EXPECT_TRUE(ids.contains(each.id)) << each.id;
      told.insert(each.field);
    }
    EXPECT_EQ(told, fields);
    EXPECT_GT(record.traits.float16_mask, record.limits.lowest_float16_mask);
    EXPECT_LT(record.traits.float16_mask, 0);
    EXPECT_LT(record.traits.quantized_mask, 0);
  }
}

// Catches a text for people that says another thing than what passes do.
TEST(Traits, AreWhatThePreferencesSay) {
  const auto prefers = [](const std::vector<Preference>& all, const std::string& id) {
    for (const Preference& each : all) {
      if (each.id == id) return each.prefer;
    }
    return std::string("nothing");
  };
  const Limits limits{.lowest_float16_mask = -65504};
  const auto none = preferences({.target = "x", .quantized_mask = -50}, limits);
  EXPECT_EQ(prefers(none, "mask_quantized"), "-50 where masked");
  for (const char* id : {"attention_products", "one_integer_type", "clip_by_encoding", "norm_rank",
                         "block_weights"}) {
    EXPECT_EQ(prefers(none, id), "nothing") << id;
  }
  const Record record = record_of(Arch::kV81).value();
  EXPECT_EQ(prefers(record.preferences, "norm_rank"), "rank 3");
  EXPECT_EQ(prefers(record.preferences, "mask_float16"), "-10000 where masked");
}

TEST(Traits, SayWhichBlocksLpbqTakes) {
  const LpbqBlocks blocks{.smallest = 16, .multiple = 32, .largest = 256};
  for (const int64_t size : {16, 32, 96, 256}) EXPECT_TRUE(blocks.takes(size)) << size;
  for (const int64_t size : {0, 8, 24, 48, 80, 288, 512}) EXPECT_FALSE(blocks.takes(size)) << size;
}

TEST(Record, DescribesFormsInWords) {
  const Rule rule{
      .id = "x",
      .ops = {"MatMul"},
      .when = {OperandIs{0, {DType::kUint16}, {Scheme::kTensor}},
               OperandIs{1, {DType::kInt4}, {Scheme::kBlock}, true, false, Range{16, 256}},
               RankIn{0, {4, 4}}, DimIn{0, -1, {1, 32}}, AttributeIn{"transB", 0, {0, 0}},
               InputGiven{2, false}, ValueIn{1, {16385, Range{}.max}}, ElementsIn{1, {2, 9}}},
      .reason = "",
      .measured = "",
      .seen_on = {}};
  EXPECT_EQ(describe(rule),
            "input 0 uint16 per tensor; input 1 constant int4 in blocks, block size 16 to 256, "
            "zero points 0; input 0 rank 4; input 0 dim -1 1 to 32; transB 0; input 2 omitted; "
            "input 1 a constant with values at least 16385; input 1 of 2 to 9 values");
}

}  // namespace
}  // namespace lapidary::target
