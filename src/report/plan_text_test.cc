#include "report/plan_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lapidary::report {
namespace {

using contract::Role;
using ::testing::HasSubstr;
using ::testing::Not;

build::PlanReport small_report() {
  build::PlanReport out;
  out.components = {{"embedding", {{Role::kModel, 0, "embedding/model.onnx", 31, 2000, 500}}, 0},
                    {"decoder",
                     {{Role::kPrefill, 0, "decoder/prefill.0.onnx", 900, 1000, 10},
                      {Role::kDecode, 0, "decoder/decode.0.onnx", 1100, 3000, 20}},
                     0}};
  out.context_length = 4096;
  out.kv_bytes = 12'000'000;
  out.token = {3000, 12'000'000, 64};
  out.build = {.saving = 40'000'000, .calibrating = 90'000'000};
  return out;
}

// Catches a figure that is left out, and roles of a component that has one graph.
TEST(PlanText, SaysWhatIsMadeAndWhatItTakes) {
  const std::string text = plan_text(small_report());
  EXPECT_THAT(text, HasSubstr("embedding  model            31     2.0 kB   2.5 kB"));
  EXPECT_THAT(text, HasSubstr("decoder    prefill, part 0  900"));
  EXPECT_THAT(text, HasSubstr("decoder    all"));
  EXPECT_THAT(text, HasSubstr("90.0 MB (calibration; saving 40.0 MB)"));
  EXPECT_THAT(text, HasSubstr("12.0 MB for 4096 positions"));
  EXPECT_THAT(text, Not(HasSubstr("memory to compile"))) << "nothing is compiled";
  EXPECT_THAT(text, Not(HasSubstr("objects to"))) << "there is no chip";
}

TEST(PlanText, NamesWhatTheTargetObjectsTo) {
  build::PlanReport report = small_report();
  report.chip = target::Target{target::Arch::kV81, &target::representative(target::Arch::kV81)};
  EXPECT_THAT(plan_text(report), HasSubstr("nothing that v81 (SM8850) is known to refuse"));
  report.objections = {{"decoder", "Conv", target::Verdict::kWrong, "conv.some", 12, "a/Conv",
                        "computes other numbers", "emit a product"}};
  report.contexts = {
      {"decoder part 0 (prefill, decode)", "decoder", 0, 2000, 3000, 5000, 700'000'000}};
  const std::string text = plan_text(report);
  EXPECT_THAT(text, HasSubstr("v81 (SM8850) objects to:\n  decoder: Conv, 12 nodes (a/Conv): wrong "
                              "numbers: computes other numbers; emit a product\n"));
  EXPECT_THAT(text, HasSubstr("memory to compile"));
}

// A difference has its sign, and nothing planned is no division by zero.
TEST(ComparisonText, SaysHowFarApart) {
  const std::string text = comparison_text(
      {{"build", "memory", 100, 130}, {"package", "bytes", 0, 5}, {"decoder", "bytes", 200, 100}});
  EXPECT_THAT(text, HasSubstr("100 B    130 B     +30.0 %"));
  EXPECT_THAT(text, HasSubstr("0 B      5 B       +100.0 %"));
  EXPECT_THAT(text, HasSubstr("-50.0 %"));
}

}  // namespace
}  // namespace lapidary::report
