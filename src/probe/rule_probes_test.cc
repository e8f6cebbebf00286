#include "probe/rule_probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "graph/fixed_shapes.h"
#include "target/legality.h"

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
  for (const char* limit :
       {"most_weight_bytes_measured", "smallest_block", "block_multiple", "lowest_float16_mask",
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

// Catches a rule whose conditions do not see the form that was measured: the stack would compute
// other numbers, or refuse, and nobody would have said so. What rests on values that only exist at
// run time is outside of what a graph tells; see the next test.
TEST(RuleProbes, LegalityRefusesWhatIsWrongOrRefused) {
  const auto is_bad = [](Verdict verdict) {
    return verdict == Verdict::kWrong || verdict == Verdict::kRefused;
  };
  size_t refused = 0;
  for (const target::Arch arch : target::archs()) {
    const target::Record record = *target::record_of(arch);
    for (const target::Rule* rule : record.rules) {
      if (!is_bad(rule->verdict)) continue;
      for (const RuleProbe& probe : rule_probes()) {
        if (probe.id != rule->id) continue;
        const auto expected = expected_of(probe, record);
        if (!expected || !is_bad(*expected)) continue;
        SCOPED_TRACE(target::name_of(arch) + ": " + probe.id + ", " + probe.form);
        const FormGraph form = form_of(probe);
        const auto shapes = graph::infer_shapes(form.graph);
        const auto findings =
            target::check(form.graph, record, shapes.ok() ? shapes->shapes : target::Shapes());
        const auto found =
            std::find_if(findings.begin(), findings.end(), [&](const target::Finding& finding) {
              return finding.rule == rule->id && finding.verdict == rule->verdict;
            });
        ASSERT_NE(found, findings.end());
        EXPECT_FALSE(found->node.empty());
        EXPECT_FALSE(found->reason.empty());
        EXPECT_FALSE(found->remedy.empty());
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 150U);
}

// Values that no graph tells. Each form is measured wrong; what Lapidary does about it is beside
// the name in docs/targets.md. A new one must be thought about there.
TEST(RuleProbes, WhatIsWrongButNotInTheGraphIsNamed) {
  const target::Record record = *target::record_of(target::Arch::kV81);
  std::set<std::string> ids;
  for (const RuleProbe& probe : rule_probes()) {
    if (expected_of(probe, record) != Verdict::kWrong) continue;
    const auto rule = std::find_if(record.rules.begin(), record.rules.end(),
                                   [&](const target::Rule* each) { return each->id == probe.id; });
    if (rule != record.rules.end() && (*rule)->verdict == Verdict::kWrong) continue;
    ids.insert(probe.id);
  }
  EXPECT_THAT(ids, testing::UnorderedElementsAre(
                       "div.by_computed_float", "op.reciprocal", "op.activation",
                       "limit.smallest_block", "limit.block_multiple", "limit.lowest_float16_mask",
                       "limit.largest_float16_divisor", "attention_products", "norm_rank",
                       "mask_float16", "mask_quantized", "weight_zero_points"));
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
