#include "htp/child.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace lapidary::htp {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Child : public testing::Test {
 protected:
  void TearDown() override { fs::remove(log_); }
  ChildCommand shell(const std::string& script) const {
    return {"/bin/sh", {"-c", script}, log_, {.seconds = 20}};
  }

  fs::path log_ = fs::path(testing::TempDir()) / fmt::format("child_{}.log", getpid());
};

TEST_F(Child, BothStreamsGoToTheLogAndTheExitCodeComesBack) {
  const auto end = run_child(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(end.ok()) << end.error().message();
  EXPECT_FALSE(end->ok());
  EXPECT_EQ(end->describe(), "ended with exit code 3");
  EXPECT_EQ(log_tail(log_), "out | err");
  EXPECT_GT(end->peak_bytes, 0);
}

TEST_F(Child, ACrashNamesTheSignal) {
  const auto end = run_child(shell("kill -SEGV $$"));
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, ChildEnd::Reason::kSignal);
  EXPECT_THAT(end->describe(), HasSubstr("signal 11 (Segmentation fault)"));
}

// Catches a limit that ends the shell but not what the shell started.
TEST_F(Child, ATimeLimitEndsTheWholeGroup) {
  ChildCommand command = shell("sleep 30 & echo $!; wait");
  command.limits.seconds = 0.3;
  const auto end = run_child(command);
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->describe(), "was stopped after 0.3 s without progress");
  const pid_t grandchild = std::stoi(log_tail(log_));
  bool gone = false;
  for (int i = 0; i < 100 && !gone; ++i) {
    gone = !fs::exists(fmt::format("/proc/{}/exe", grandchild));
    if (!gone) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(gone);
}

TEST_F(Child, ProgressRestartsTheClock) {
  ChildCommand command = shell("sleep 0.6");
  command.limits.seconds = 0.3;
  uint64_t calls = 0;
  command.progress = [&calls] { return ++calls; };
  const auto end = run_child(command);
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->ok()) << end->describe();
}

TEST_F(Child, AMemoryLimitEndsIt) {
  ChildCommand command = shell("sleep 30");
  command.limits.memory_bytes = 4096;
  const auto end = run_child(command);
  ASSERT_TRUE(end.ok());
  EXPECT_THAT(end->describe(), HasSubstr("memory limit"));
}

TEST_F(Child, CancellingEndsIt) {
  CancelToken cancel;
  cancel.cancel();
  ChildCommand command = shell("sleep 30");
  command.cancel = &cancel;
  const auto end = run_child(command);
  ASSERT_FALSE(end.ok());
  EXPECT_EQ(end.error().kind, ErrorKind::kCancelled);
}

TEST_F(Child, AProgramThatIsNotThereIsAnError) {
  const auto end = run_child({"/no/such/program", {}, log_});
  ASSERT_FALSE(end.ok());
  EXPECT_THAT(end.error().message(), HasSubstr("/no/such/program"));
}

}  // namespace
}  // namespace lapidary::htp
