#include "htp/log_cause.h"

#include <gtest/gtest.h>

namespace lapidary::htp {
namespace {

constexpr const char* kRefusal =
    "2026-11-21 14:02:23.84 [V:onnxruntime:, qnn_execution_provider.cc:1713 LogNodeSupport] "
    "Validation FAILED for 1 nodes in OrtNodeUnit (Tanh) :\n"
    "\tOperator type: Tanh Node name: the Tanh Node index: 0\n"
    "\tREASON : Cannot get shape\n\n";
constexpr const char* kUseless =
    "\x1b[1;31m2026-11-21 14:02:23.83 [E:onnxruntime:, inference_session.cc:3181 operator()] This "
    "session contains graph nodes that are assigned to the default CPU EP, but fallback\x1b[m\n";

TEST(LogCause, TheProvidersReasonIsNamedOnceWithItsNode) {
  EXPECT_EQ(log_cause(std::string(kRefusal) + kRefusal + kUseless),
            "Tanh 'the Tanh': Cannot get shape");
}

// Catches a reason that is put on the Quantize node of the unit, and a node listed twice.
TEST(LogCause, AUnitIsNamedAfterTheNodeItIsAbout) {
  const std::string unit =
      "2026 [V:onnxruntime:, q.cc:1713 LogNodeSupport] Validation FAILED for 3 nodes in "
      "OrtNodeUnit "
      "(Erf) :\n"
      "\tOperator type: DequantizeLinear Node name: t/DQ Node index: 4\n"
      "\tOperator type: Erf Node name: the Erf Node index: 5\n"
      "\tOperator type: QuantizeLinear Node name: e/Q Node index: 6\n"
      "\tREASON : Operators of type `Erf` are not supported\n";
  const auto found = refusals(unit + kRefusal + unit);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], (Refusal{"the Erf", "Erf", "Operators of type `Erf` are not supported"}));
  EXPECT_EQ(found[1], (Refusal{"the Tanh", "Tanh", "Cannot get shape"}));
}

TEST(LogCause, WithoutARefusalTheFirstErrorsThatSaySomething) {
  const std::string log =
      std::string("\x1b[1;31m2026 [E:onnxruntime:, a.cc:2290 F] QNN SetupBackend failed\x1b[m\n") +
      kUseless;
  EXPECT_EQ(log_cause(log), "QNN SetupBackend failed");
}

// Catches a log cut anywhere, or one that holds no reason.
TEST(LogCause, DamagedLogsYieldSomethingOrNothing) {
  EXPECT_EQ(log_cause(""), "");
  EXPECT_EQ(log_cause(kUseless), "");
  const std::string whole = std::string(kRefusal) + kUseless;
  for (size_t i = 0; i <= whole.size(); ++i) {
    EXPECT_LE(log_cause(whole.substr(0, i)).size(), 100u);
    EXPECT_LE(log_cause(whole.substr(i)).size(), 200u);
  }
  EXPECT_LE(log_cause("[E:x] " + std::string(100000, 'y')).size(), 400u);
}

}  // namespace
}  // namespace lapidary::htp
