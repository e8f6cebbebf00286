// The record of what the HTP accepts against the stack that is installed: this fails when a new
// version of the stack changes what Lapidary leans on.
#include "probe/rule_probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models.h"

namespace lapidary::htp {
namespace {

class HtpRules : public testing::TestWithParam<const char*> {
 protected:
  void TearDown() override { std::filesystem::remove_all(test_folder()); }
};

TEST_P(HtpRules, AreAsRecorded) {
  const auto libraries = find_libraries();
  if (!libraries.ok()) GTEST_SKIP() << libraries.error().message();
  const auto report =
      probe::measure_rules(*libraries, *target::resolve(GetParam(), ""), test_folder() / "rules");
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_GT(report->results.size(), 100u);
  for (const probe::RuleResult& result : report->results) {
    EXPECT_FALSE(result.changed())
        << result.id << " (" << result.form << "): " << name_of(result.expected) << ", "
        << result.expected_error << " -> " << name_of(result.verdict) << ", " << result.error << " "
        << result.note;
  }
}

// One arch, for the time it takes; `lapidary targets --probe --arch all` measures the others
// (docs/targets.md).
INSTANTIATE_TEST_SUITE_P(Archs, HtpRules, testing::Values("v81"),
                         [](const auto& arch) { return std::string(arch.param); });

}  // namespace
}  // namespace lapidary::htp
