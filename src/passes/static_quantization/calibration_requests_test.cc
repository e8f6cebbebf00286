// What OnnxStaticQuantization asks of the calibrator, and on which graphs.
#include "passes/static_quantization/calibration_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

struct Asked {
  std::vector<std::vector<std::string>> values;
  std::string method, data_config;
  double percentile = 0;
  int bits = 0;
};

PassContext answering(Asked& asked) {
  PassContext context = calibrated_to({-1.0F, 3.0F});
  context.calibrate = [&asked, found = context.calibrate](const CalibrationRequest& request) {
    asked.values.push_back(request.values);
    asked.method = request.method;
    asked.data_config = request.data_config;
    asked.percentile = request.percentile;
    asked.bits = request.bits;
    return found(request);
  };
  return context;
}

TEST(StaticQuantizationPass, AsksOnceAndDropsTheCalibrationGraph) {
  Asked asked;
  const BoundPass pass =
      bound(&bind_static_quantization, R"({"calibrate_method": "Percentile", "percentile": 99.5,
            "data_config": "chats", "quantized_io": ["past", "present"]})")
          .value();
  const auto outcome = pass.run(cache_set(), answering(asked));
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  EXPECT_THAT(stems(outcome->graphs), ElementsAre("prefill.0", "decode.0"));
  ASSERT_THAT(asked.values, SizeIs(1));
  // Not the past, which no sample has, and not what a Reshape or Concat makes.
  EXPECT_THAT(asked.values[0], UnorderedElementsAre("x", "k/MatMul", "q/MatMul", "y"));
  EXPECT_EQ(asked.method, "percentile");
  EXPECT_EQ(asked.percentile, 99.5);
  EXPECT_EQ(asked.data_config, "chats");
  EXPECT_EQ(asked.bits, 16);
}

// Without a calibration graph each graph is calibrated by itself.
TEST(StaticQuantizationPass, CalibratesTheGraphsThemselvesOtherwise) {
  Asked asked;
  GraphSet set = cache_set();
  set.pop_back();
  const BoundPass pass = bound(&bind_static_quantization, "{}").value();
  ASSERT_TRUE(pass.run(std::move(set), answering(asked)).ok());
  ASSERT_THAT(asked.values, SizeIs(2));
  EXPECT_THAT(asked.values[0], Not(Contains("past")));
  EXPECT_THAT(asked.values[1], Contains("past"));
}

TEST(StaticQuantizationPass, SaysWhatIsMissing) {
  const BoundPass pass = bound(&bind_static_quantization, "{}").value();
  const auto silent = pass.run(cache_set(), {.calibrate = {}, .traits = htp()});
  ASSERT_FALSE(silent.ok());
  EXPECT_THAT(silent.error().message(), HasSubstr("data_configs"));

  PassContext empty;
  empty.traits = htp();
  empty.calibrate = [](const CalibrationRequest&) {
    return Result<quant::Ranges>(quant::Ranges());
  };
  const auto unknown = pass.run(cache_set(), empty);
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().message(), HasSubstr("has no calibrated range"));
}

}  // namespace
}  // namespace lapidary::passes
