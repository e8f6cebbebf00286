// The registry: its names, and what all of its passes have in common.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passes/pass.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using quant::Ranges;
using ::testing::HasSubstr;

TEST(Registry, UnknownPassesListTheKnown) {
  const auto found = find_pass("OnnxQuantisation", "recipe.json: passes.q");
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(found.error().message(), HasSubstr("'OnnxQuantisation'"));
  EXPECT_THAT(found.error().message(), HasSubstr("OnnxKQuantQuantization"));
}

// Catches a pass that falls back on some target when it is told of none.
TEST(TargetTraits, WithoutATargetPassesThatNeedOneFail) {
  for (const char* type : {"LowerRMSNormalization", "BlockQuantToLpbq", "MatMulNBitsToQDQ",
                           "OnnxStaticQuantization"}) {
    const BoundPass pass = bound(find_pass(type, "test").value()->bind, "{}").value();
    PassContext context;
    context.calibrate = [](const CalibrationRequest&) { return Result<Ranges>(Ranges()); };
    const auto out = pass.run(set_of(attention_graph()), context);
    ASSERT_FALSE(out.ok()) << type;
    EXPECT_THAT(out.error().message(), HasSubstr("no target is named")) << type;
  }
}

}  // namespace
}  // namespace lapidary::passes
