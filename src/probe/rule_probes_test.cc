#include "probe/rule_probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace lapidary::probe {
namespace {

using target::Verdict;

std::set<std::string> ids_of_the_record() {
  std::set<std::string> ids;
  for (const target::Arch arch : target::archs()) {
    const target::Record record = *target::record_of(arch);
    for (const target::Rule* rule : record.rules) ids.insert(rule->id);
    for (const target::Preference& preference : record.preferences) ids.insert(preference.id);
  }
  for (const char* limit : {"most_weight_bytes_measured", "compile_bytes_per_weight_byte",
                            "smallest_block", "largest_block", "lowest_float16_mask",
                            "float16_mask", "quantized_mask", "largest_float16_divisor"}) {
    ids.insert(std::string("limit.") + limit);
  }
  return ids;
}

// Catches a rule that is added without a probe, and a probe of a rule that is gone.
TEST(RuleProbes, EachRuleLimitAndPreferenceHasOneOrAReason) {
  std::set<std::string> covered;
  for (const RuleProbe& probe : rule_probes()) covered.insert(probe.id);
  for (const Unprobed& each : unprobed()) covered.insert(each.id);
  EXPECT_EQ(covered, ids_of_the_record());
}

TEST(RuleProbes, BuildValidGraphsThatCarryTheirInputs) {
  for (const RuleProbe& probe : rule_probes()) {
    SCOPED_TRACE(probe.id + " " + probe.form);
    Form form(probe.opset);
    probe.build(form);
    const FormGraph built = std::move(form).finish();
    const Status valid = graph::check(built.graph);
    EXPECT_TRUE(valid.ok()) << valid.error().message();
    EXPECT_EQ(built.inputs.size(), built.graph.inputs.size());
  }
}

TEST(RuleProbes, AnotherVerdictOperatorOrFigureIsAChange) {
  RuleResult result{.expected = Verdict::kNative, .expected_error = 1e-4};
  result.verdict = Verdict::kNative;
  result.error = 2e-4;
  EXPECT_FALSE(result.changed());
  result.error = 4e-4;
  EXPECT_TRUE(result.changed());
  result.error = 1e-4;
  result.became_other = true;
  EXPECT_TRUE(result.changed());
  result.became_other = false;
  result.verdict = Verdict::kLowered;
  EXPECT_TRUE(result.changed());
}

}  // namespace
}  // namespace lapidary::probe
