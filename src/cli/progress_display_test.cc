// The one display of progress: what it writes, and when, by a clock that the test moves.
#include "cli/progress_display.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>
#include <vector>

namespace lapidary::cli {
namespace {

using Keep = ProgressDisplay::Keep;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Display : public ::testing::Test {
 protected:
  Display() : stream_(open_memstream(&buffer_, &size_)) {}
  ~Display() override {
    std::fclose(stream_);
    std::free(buffer_);  // NOLINT: open_memstream's
  }

  ProgressDisplay on_terminal(Keep keep) {
    return ProgressDisplay({.to = stream_, .terminal = true, .columns = 100}, keep,
                           [this] { return now_; });
  }
  ProgressDisplay elsewhere(Keep keep) {
    return ProgressDisplay({.to = stream_}, keep, [this] { return now_; });
  }
  void pass(double seconds) {
    now_ += std::chrono::duration_cast<ProgressDisplay::Clock::duration>(
        std::chrono::duration<double>(seconds));
  }
  // What was written since the last call.
  std::string written() {
    std::fflush(stream_);
    std::string all(buffer_, size_);
    std::string out = all.substr(read_);
    read_ = all.size();
    return out;
  }

  char* buffer_ = nullptr;
  size_t size_ = 0;
  size_t read_ = 0;
  std::FILE* stream_;
  ProgressDisplay::Clock::time_point now_{};
};

TEST_F(Display, ATerminalsLineIsRedrawnTenTimesASecond) {
  ProgressDisplay progress = on_terminal(Keep::kNothing);
  progress.stage("calibrate", 69, Unit::kSamples);
  EXPECT_THAT(written(), HasSubstr("\r\x1b[Kcalibrate: [....................] 0 %"));
  pass(0.05);
  progress.advance(1);
  EXPECT_THAT(written(), IsEmpty());
  pass(14.15);
  progress.advance(29);
  EXPECT_EQ(written(),
            "\r\x1b[Kcalibrate: [########............] 43 %, 30 of 69 samples, 2.1 samples/s, "
            "18.5 s left");
}

// What follows may be the text of a reply: the line must be gone before anybody calls finish().
TEST_F(Display, NothingStaysOfWhatIsComplete) {
  ProgressDisplay progress = on_terminal(Keep::kNothing);
  progress.stage("prompt", 12, Unit::kTokens);
  written();
  progress.advance(12);
  EXPECT_EQ(written(), "\r\x1b[K");
  progress.finish();
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(Display, AStageThatIsKeptLeavesOneLine) {
  ProgressDisplay progress = on_terminal(Keep::kStages);
  progress.stage("decoder", 4'000'000, Unit::kBytes);
  written();
  pass(2);
  progress.advance(4'000'000);
  written();
  progress.stage("checksums", 4'000'000, Unit::kBytes);
  EXPECT_THAT(written(), testing::StartsWith("\r\x1b[Kdecoder: 4.0 MB, 2.0 MB/s, 2.0 s\n"));
}

TEST_F(Display, ANoteStandsAboveTheLine) {
  ProgressDisplay progress = on_terminal(Keep::kStages);
  progress.note("first");
  EXPECT_EQ(written(), "first\n");
  progress.stage("compile", 2, Unit::kGraphs);
  written();
  progress.note("second");
  EXPECT_THAT(written(), testing::StartsWith("\r\x1b[Ksecond\n\r\x1b[Kcompile: "));
}

// Notes quote recipes, and stages bear names of files.
TEST_F(Display, EscapeSequencesInNamesAreShown) {
  ProgressDisplay progress = elsewhere(Keep::kStages);
  progress.note("pass '\x1b[2J'");
  EXPECT_EQ(written(), "pass '\\u001b[2J'\n");
  progress.stage("de\x1b[1mcoder", 70, Unit::kSamples);
  EXPECT_EQ(written(), "de\\u001b[1mcoder: 0 of 70 samples\n");
}

// A log is not to be filled: one line at the beginning, one in five seconds, one at the end.
TEST_F(Display, ElsewhereALineNowAndThen) {
  ProgressDisplay progress = elsewhere(Keep::kStages);
  progress.stage("calibrate", 70, Unit::kSamples);
  EXPECT_EQ(written(), "calibrate: 0 of 70 samples\n");
  for (int i = 0; i < 60; ++i) {
    pass(0.25);
    progress.advance(1);
  }
  EXPECT_EQ(written(),
            "calibrate: 20 of 70 samples (28 %), 4.0 samples/s, 12.5 s left\n"
            "calibrate: 40 of 70 samples (57 %), 4.0 samples/s, 7.5 s left\n"
            "calibrate: 60 of 70 samples (85 %), 4.0 samples/s, 2.5 s left\n");
  pass(2.5);
  progress.advance(10);
  progress.finish();
  EXPECT_EQ(written(), "calibrate: 70 samples, 4.0 samples/s, 17.5 s\n");
}

// Scripts that read standard error hear nothing of work that is soon done.
TEST_F(Display, ElsewhereNothingOfShortWork) {
  {
    ProgressDisplay progress = elsewhere(Keep::kNothing);
    for (const char* name : {"checksums", "load", "prompt"}) {
      progress.stage(name, 2, Unit::kGraphs);
      pass(1.5);
      progress.advance(1);
      progress.advance(1);
    }
  }
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(Display, ElsewhereLongWorkIsToldOf) {
  ProgressDisplay progress = elsewhere(Keep::kNothing);
  progress.stage("encode", 3, Unit::kItems);
  pass(6);
  progress.advance(1);
  EXPECT_EQ(written(), "encode: 1 of 3 items (33 %), 6.0 s/item, 12.0 s left\n");
  pass(12);
  progress.advance(2);
  progress.finish();
  EXPECT_EQ(written(), "encode: 3 items, 6.0 s/item, 18.0 s\n");
}

// Work that ends early is not told of as if it were done.
TEST_F(Display, AnInterruptedStageSaysHowFarItCame) {
  ProgressDisplay progress = elsewhere(Keep::kStages);
  progress.stage("calibrate", 69, Unit::kSamples);
  pass(10);
  progress.advance(30);
  written();
  progress.finish();
  EXPECT_EQ(written(), "calibrate: 30 of 69 samples, 3.0 samples/s, 10.0 s\n");
}

// All threads report at once; for `--preset tsan`.
TEST_F(Display, AnyThreadMayAdvance) {
  ProgressDisplay progress({.to = stream_, .terminal = true}, Keep::kStages);
  progress.stage("decoder", 4000, Unit::kBytes);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) progress.advance(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  progress.finish();
  EXPECT_THAT(written(), HasSubstr("decoder: 4.0 kB, "));
}

}  // namespace
}  // namespace lapidary::cli
