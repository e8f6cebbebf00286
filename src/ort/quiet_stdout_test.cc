#include "ort/quiet_stdout.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace lapidary::ort {
namespace {

// Catches text that waits in the buffer and comes out afterwards.
TEST(QuietStdout, DropsWhatIsPrintedMeanwhile) {
  testing::internal::CaptureStdout();
  std::printf("before ");
  {
    const QuietStdout quiet;
    std::printf("meanwhile ");
  }
  std::printf("after");
  std::fflush(stdout);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "before after");
}

}  // namespace
}  // namespace lapidary::ort
