// What is said of a stage: the right unit, rate and time left, whatever the figures.
#include "cli/progress_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

#include "base/text.h"

namespace lapidary::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr Unit kCounts[] = {Unit::kGraphs, Unit::kItems,   Unit::kLines, Unit::kNodes,
                            Unit::kProbes, Unit::kSamples, Unit::kTokens};

// Catches "calibrate: 69 B": counts shown as bytes, in any of the lines.
TEST(ProgressText, CountsAreNoBytes) {
  for (const Unit unit : kCounts) {
    EXPECT_THAT(amount_text(69, unit), AllOf(StartsWith("69 "), EndsWith("s")));
    EXPECT_THAT(amount_text(1, unit), AllOf(StartsWith("1 "), Not(EndsWith("s"))));
    const StageState stage{"calibrate", unit, 6900, 3000, 14.2};
    for (const std::string& line :
         {progress_line(stage), terminal_line(stage, 200), end_line(stage)}) {
      EXPECT_THAT(line, HasSubstr("3000 of " + amount_text(6900, unit)));
      EXPECT_THAT(line, HasSubstr("211 "));  // a second
      for (const char* bytes : {" B", " kB", "byte"}) EXPECT_THAT(line, Not(HasSubstr(bytes)));
    }
  }
}

TEST(ProgressText, EachUnitHasItsWord) {
  std::set<std::string> words;
  for (const Unit unit : kCounts) words.insert(amount_text(2, unit));
  EXPECT_EQ(words.size(), std::size(kCounts));
  EXPECT_EQ(amount_text(0, Unit::kSamples), "0 samples");
  EXPECT_EQ(amount_text(1, Unit::kSamples), "1 sample");
  EXPECT_EQ(amount_text(0, Unit::kBytes), "0 B");
  EXPECT_EQ(amount_text(1'400'000'000, Unit::kBytes), "1.4 GB");
}

TEST(ProgressText, Durations) {
  EXPECT_EQ(human_seconds(0), "0.0 s");
  EXPECT_EQ(human_seconds(3.14), "3.1 s");
  EXPECT_EQ(human_seconds(59.94), "59.9 s");
  EXPECT_EQ(human_seconds(59.96), "1 min 0 s");
  EXPECT_EQ(human_seconds(125.4), "2 min 5 s");
  EXPECT_EQ(human_seconds(3599.4), "59 min 59 s");
  EXPECT_EQ(human_seconds(3720), "1 h 2 min");
}

TEST(ProgressText, Rates) {
  EXPECT_EQ(rate_text(3'000'000, Unit::kBytes, 2), "1.5 MB/s");
  EXPECT_EQ(rate_text(21, Unit::kSamples, 10), "2.1 samples/s");
  EXPECT_EQ(rate_text(300, Unit::kTokens, 1), "300 tokens/s");
  // What takes long is told the other way round: "0.0 graphs/s" says nothing.
  EXPECT_EQ(rate_text(2, Unit::kGraphs, 68), "34 s/graph");
  EXPECT_EQ(rate_text(10, Unit::kProbes, 34), "3.4 s/probe");
  // The clock may not have moved yet.
  EXPECT_THAT(rate_text(1, Unit::kLines, 0), EndsWith(" lines/s"));
  EXPECT_EQ(rate_text(0, Unit::kLines, 3), "0.0 lines/s");
}

TEST(ProgressText, HowItGoes) {
  EXPECT_EQ(progress_line({"calibrate", Unit::kSamples, 69, 30, 14.2}),
            "calibrate: 30 of 69 samples (43 %), 2.1 samples/s, 18.5 s left");
  EXPECT_EQ(progress_line({"decoder", Unit::kBytes, 4'000'000, 1'000'000, 2}),
            "decoder: 1.0 MB of 4.0 MB (25 %), 500.0 kB/s, 6.0 s left");
  // Nothing is known of the pace at the beginning, of the time left without a total, and there is
  // none left at the end.
  EXPECT_EQ(progress_line({"calibrate", Unit::kSamples, 69, 0, 3}), "calibrate: 0 of 69 samples");
  EXPECT_EQ(progress_line({"calibrate", Unit::kSamples, 0, 30, 15}),
            "calibrate: 30 samples, 2.0 samples/s");
  EXPECT_EQ(progress_line({"compile", Unit::kGraphs, 0, 0, 15}), "compile: started");
  EXPECT_EQ(progress_line({"a", Unit::kLines, 2, 2, 1}), "a: 2 of 2 lines (100 %), 2.0 lines/s");
  // More than was foreseen: no 101 %, no negative time.
  EXPECT_EQ(progress_line({"a", Unit::kLines, 2, 3, 1}), "a: 3 of 2 lines (100 %), 3.0 lines/s");
}

// The time left follows the clock that is passed in: twice the time, twice as long to go.
TEST(ProgressText, TimeLeftFollowsThePace) {
  EXPECT_THAT(progress_line({"a", Unit::kNodes, 100, 25, 10}), EndsWith("30.0 s left"));
  EXPECT_THAT(progress_line({"a", Unit::kNodes, 100, 25, 20}), EndsWith("1 min 0 s left"));
  EXPECT_THAT(progress_line({"a", Unit::kNodes, 100, 50, 20}), EndsWith("20.0 s left"));
}

TEST(ProgressText, OnATerminal) {
  const StageState stage{"calibrate", Unit::kSamples, 69, 30, 14.2};
  EXPECT_EQ(terminal_line(stage, 100),
            "calibrate: [########............] 43 %, 30 of 69 samples, 2.1 samples/s, 18.5 s left");
  EXPECT_EQ(terminal_line({"a", Unit::kLines, 2, 2, 1}, 80),
            "a: [####################] 100 %, 2 of 2 lines, 2.0 lines/s");
  EXPECT_EQ(terminal_line({"compile x", Unit::kGraphs, 0, 0, 1}, 80), "compile x: started");
}

// A line that wraps cannot be redrawn: each update would leave one behind.
TEST(ProgressText, NeverAsWideAsTheTerminal) {
  const StageState stage{
      "Stra\xc3\x9f"
      "e",
      Unit::kSamples, 69, 30, 14.2};
  EXPECT_EQ(terminal_line(stage, 70), progress_line(stage)) << "the bar goes first";
  for (size_t columns = 0; columns < 70; ++columns) {
    const std::string line = terminal_line(stage, columns);
    EXPECT_LT(line.size(), std::max<size_t>(columns, 2));
    EXPECT_THAT(progress_line(stage), StartsWith(line));
    EXPECT_NE(line.back(), '\xc3') << "half a character";
  }
}

TEST(ProgressText, HowItWent) {
  EXPECT_EQ(end_line({"calibrate", Unit::kSamples, 69, 69, 32.9}),
            "calibrate: 69 samples, 2.1 samples/s, 32.9 s");
  EXPECT_EQ(end_line({"calibrate", Unit::kSamples, 69, 30, 14.2}),
            "calibrate: 30 of 69 samples, 2.1 samples/s, 14.2 s");
  EXPECT_EQ(end_line({"checksums", Unit::kBytes, 4'000'000, 4'100'000, 2}),
            "checksums: 4.1 MB, 2.0 MB/s, 2.0 s");
  EXPECT_EQ(end_line({"compile", Unit::kGraphs, 2, 0, 75}), "compile: 1 min 15 s");
}

}  // namespace
}  // namespace lapidary::cli
