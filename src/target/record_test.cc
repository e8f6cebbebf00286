// The tables themselves: nothing missing, nothing twice, texts that a person can read.
#include "target/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

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

TEST(Record, DescribesFormsInWords) {
  const Rule rule{
      .id = "x",
      .ops = {"MatMul"},
      .when = {OperandIs{0, {tensor::DType::kUint16}, {Scheme::kTensor}},
               OperandIs{1, {tensor::DType::kInt4}, {Scheme::kBlock}, true, false, Range{16, 256}},
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
