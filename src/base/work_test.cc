#include "base/work.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lapidary {
namespace {

using ::testing::ElementsAre;

class Lines final : public ProgressSink {
 public:
  void stage(const std::string& name, uint64_t total, Unit unit) override {
    lines.push_back(fmt::format("{} {}{}", name, total, unit == Unit::kBytes ? " B" : ""));
  }
  void advance(uint64_t units) override { lines.push_back(std::to_string(units)); }
  void note(const std::string& line) override { lines.push_back(line); }

  std::vector<std::string> lines;
};

// Every function with a Work may be called with {}.
TEST(Work, NobodyIsToldAndNothingEndsEarly) {
  const Work work;
  work.stage("a", 1, Unit::kBytes);
  work.advance(1);
  work.note("b");
  EXPECT_FALSE(work.is_cancelled());
  EXPECT_FALSE(work.silent().is_cancelled());
}

TEST(Work, TellsItsSinkAndAsksItsToken) {
  Lines sink;
  CancelToken cancel;
  const Work work{.threads = 3, .progress = &sink, .cancel = &cancel};
  work.stage("a", 2, Unit::kBytes);
  work.advance(1);
  work.note("b");
  EXPECT_THAT(sink.lines, ElementsAre("a 2 B", "1", "b"));
  EXPECT_FALSE(work.is_cancelled());
  cancel.cancel();
  EXPECT_TRUE(work.is_cancelled());
}

// A part of a stage that cannot be ended, or that counts its own units in the stage's.
TEST(Work, SilentWorkEndsAllTheSame) {
  Lines sink;
  CancelToken cancel;
  cancel.cancel();
  const Work work = Work{.threads = 3, .progress = &sink, .cancel = &cancel}.silent();
  work.advance(1);
  EXPECT_THAT(sink.lines, ElementsAre());
  EXPECT_TRUE(work.is_cancelled());
  EXPECT_EQ(work.threads, 3U);
}

}  // namespace
}  // namespace lapidary
