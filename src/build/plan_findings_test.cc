// How a build words what its target objects to.
#include "build/plan_findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lapidary::build {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PlanReport objecting() {
  PlanReport report;
  report.chip = target::Target{target::Arch::kV81, &target::representative(target::Arch::kV81)};
  report.objections = {
      {"decoder", "Conv", target::Verdict::kWrong, "conv.some", 12, "a/Conv",
       "computes other numbers", "emit a product"},
      {"decoder", "Foo", target::Verdict::kUnmeasured, "", 3, "b/Foo", "no rule speaks of it", ""},
      {"vision_encoder", "Bar", target::Verdict::kRefused, "op.bar", 1, "c/Bar",
       "the stack does not take it", ""}};
  return report;
}

// A rule that nobody is told of, one form told twice, or noise about what was never measured.
TEST(BuildWarnings, NameFormsThatARuleSpeaksAgainst) {
  EXPECT_THAT(
      warnings(objecting()),
      ElementsAre("warning: v81 (SM8850) objects to decoder: Conv, 12 nodes (a/Conv): wrong "
                  "numbers: computes other numbers; emit a product",
                  "warning: v81 (SM8850) objects to vision_encoder: Bar, 1 node (c/Bar): "
                  "refused: the stack does not take it"));
}

TEST(BuildWarnings, WithoutAChipThereAreNone) {
  PlanReport report = objecting();
  report.chip.reset();
  EXPECT_THAT(warnings(report), IsEmpty());
}

}  // namespace
}  // namespace lapidary::build
