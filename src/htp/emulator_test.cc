// What the emulator makes of a worker that dies: here a script stands in for it.
#include "htp/emulator.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace lapidary::htp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class EmulatorWorker : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / fmt::format("worker_{}", getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Called as: worker htp-worker FOLDER FIRST_JOB
  Emulator emulator(const std::string& script) const {
    const fs::path program = folder_ / "worker.sh";
    std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
    fs::permissions(program, fs::perms::owner_all);
    EmulatorSettings settings;
    settings.program = program;
    settings.limits.seconds = 20;
    return *Emulator::create({"/qnn"}, *target::resolve("v81", ""), settings);
  }

  fs::path folder_;
};

TEST_F(EmulatorWorker, ACrashNamesModelStageSignalAndTheLogsEnd) {
  const Emulator emulator =
      this->emulator("printf 'one\\npreparing graph 7\\n' > $2/job_$3.log; kill -SEGV $$");
  const auto run = emulator.run({"part0.onnx", {}}, folder_ / "run");
  ASSERT_FALSE(run.ok());
  EXPECT_EQ(run.error().kind, ErrorKind::kInternal);
  EXPECT_THAT(run.error().message(), AllOf(HasSubstr("part0.onnx"), HasSubstr("compiled"),
                                           HasSubstr("signal 11"), HasSubstr("preparing graph 7")));
}

TEST_F(EmulatorWorker, ACrashAfterTheCompilerIsOneOfTheRun) {
  const Emulator emulator =
      this->emulator("echo 'lapidary: compiled' > $2/job_$3.log; kill -ABRT $$");
  const auto run = emulator.run({"part0.onnx", {}}, folder_ / "run");
  ASSERT_FALSE(run.ok());
  EXPECT_THAT(run.error().message(), AllOf(HasSubstr("running"), HasSubstr("signal 6")));
}

// Catches a batch that one crash ends, or one that never ends.
TEST_F(EmulatorWorker, TheBatchGoesOnAfterTheModelThatCrashed) {
  const Emulator emulator = this->emulator(
      "echo x > $2/job_$3.log\n"
      "[ $3 = 1 ] || kill -SEGV $$\n"
      "echo '{\"compile_seconds\":1.5,\"run_seconds\":0,\"peak_bytes\":7}' > $2/job_1.json\n"
      "echo x > $2/job_2.log; kill -BUS $$");
  const std::vector<EmulatorJob> jobs = {
      {"a.onnx", {}, false}, {"b.onnx", {}, false}, {"c.onnx", {}, false}};
  const auto runs = emulator.run_all(jobs, folder_ / "run");
  ASSERT_TRUE(runs.ok()) << runs.error().message();
  ASSERT_EQ(runs->size(), 3u);
  EXPECT_THAT((*runs)[0].error().message(), HasSubstr("signal 11"));
  ASSERT_TRUE((*runs)[1].ok()) << (*runs)[1].error().message();
  EXPECT_EQ((*runs)[1]->compile_seconds, 1.5);
  EXPECT_THAT((*runs)[2].error().message(), HasSubstr("signal 7"));
}

// Catches an endless restart of a worker that cannot even begin.
TEST_F(EmulatorWorker, AWorkerThatNeverBeginsIsAnErrorWithItsWords) {
  const auto run = emulator("echo no such library; exit 3").run({"a.onnx", {}}, folder_ / "run");
  ASSERT_FALSE(run.ok());
  EXPECT_THAT(run.error().message(), AllOf(HasSubstr("exit code 3"), HasSubstr("no such library")));
}

}  // namespace
}  // namespace lapidary::htp
