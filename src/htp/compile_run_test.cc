// The run with programs that play the vendor's compiler.
#include "htp/compile_run.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Notes final : public ProgressSink {
 public:
  void stage(const std::string&, uint64_t, Unit) override {}
  void advance(uint64_t) override {}
  void note(const std::string& line) override { lines.push_back(line); }

  std::vector<std::string> lines;
};

// What a compiler does that works; its arguments: "htp-worker", the folder, "0".
constexpr const char* kCompile = R"(
cd "$2"
echo '{"compile_seconds": 1, "run_seconds": 0, "peak_bytes": 1}' > job_0.json
touch job_0.log context_0.onnx context_0_qnn.bin
)";

class CompileRun : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / fmt::format("compile_run_{}", getpid());
    fs::create_directories(folder_);
    std::ofstream(folder_ / "part0.onnx") << "model";
  }
  void TearDown() override { fs::remove_all(folder_); }

  // A run of a shell script, which first notes that it was started.
  CompilerRun run_of(const std::string& script) {
    const fs::path program = folder_ / "compiler.sh";
    std::ofstream(program) << "#!/bin/sh\necho start >> " << (folder_ / "starts").string() << "\n"
                           << script;
    fs::permissions(program, fs::perms::owner_all);
    CompilerRun run{.name = "decoder part 0", .models = {folder_ / "part0.onnx"}};
    run.program = program;
    run.limits.seconds = 20;
    run.retries = 1;
    run.work.progress = &notes_;
    return run;
  }
  size_t starts() const {
    std::ifstream file(folder_ / "starts");
    return static_cast<size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
  }
  fs::path work() const { return folder_ / "work"; }

  fs::path folder_;
  Notes notes_;
};

TEST_F(CompileRun, ProductsAreKeptByTheirNames) {
  const auto refused = run_compiler(run_of(kCompile), work());
  ASSERT_TRUE(refused.ok()) << refused.error().message();
  EXPECT_TRUE(refused->empty());
  EXPECT_TRUE(fs::exists(context_file(products_of(work()), 0)));
  EXPECT_TRUE(fs::exists(binary_file(products_of(work()))));
  const auto record = read_record(products_of(work()));
  ASSERT_TRUE(record.ok()) << record.error().message();
  EXPECT_GT(record->peak_bytes, 0);
}

// Catches memory that counts as none, and a record of other types that is cut to fit.
TEST_F(CompileRun, ARecordThatIsNoneIsAnError) {
  const auto refused = run_compiler(
      run_of(std::string(kCompile) + "echo '{\"compile_seconds\": 1}' > job_0.json\n"), work());
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("'peak_bytes' is missing"));
  fs::create_directories(products_of(work()));
  for (const char* record : {R"({"seconds": 1, "peak_bytes": 1.5, "refused": []})",
                             R"({"seconds": 1, "peak_bytes": 18446744073709551615, "refused": []})",
                             R"({"seconds": 1, "peak_bytes": 2})"}) {
    std::ofstream(products_of(work()) / "run.json") << record;
    EXPECT_FALSE(read_record(products_of(work())).ok()) << record;
  }
}

TEST_F(CompileRun, ACrashIsTriedOnceMore) {
  const std::string once =
      "[ $(wc -l < " + (folder_ / "starts").string() + ") = 1 ] && kill -SEGV $$";
  const auto refused = run_compiler(run_of(once + kCompile), work());
  ASSERT_TRUE(refused.ok()) << refused.error().message();
  EXPECT_EQ(starts(), 2u);
  ASSERT_EQ(notes_.lines.size(), 1u);
  EXPECT_THAT(notes_.lines[0], AllOf(HasSubstr("trying again"), HasSubstr("signal 11")));
}

TEST_F(CompileRun, TwoCrashesAreAnErrorWithTheLogsLastLines) {
  const auto refused =
      run_compiler(run_of("cd \"$2\"; echo finalizing > job_0.log; kill -SEGV $$\n"), work());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(starts(), 2u);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInternal);
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("decoder part 0"), HasSubstr("part0.onnx"),
                                               HasSubstr("signal 11"), HasSubstr("finalizing")));
}

// The kernel's out-of-memory killer sends SIGKILL; it would again.
TEST_F(CompileRun, AKillSaysThatMemoryRanOutAndIsNotTriedAgain) {
  const auto refused = run_compiler(run_of("kill -KILL $$\n"), work());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(starts(), 1u);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("signal 9"), HasSubstr("memory runs out"), HasSubstr("more parts")));
}

TEST_F(CompileRun, AMemoryLimitIsNamedWithTheRemedy) {
  CompilerRun run = run_of("sleep 20\n");
  run.limits.memory_bytes = 4096;
  const auto refused = run_compiler(run, work());
  ASSERT_FALSE(refused.ok());
  EXPECT_LE(starts(), 1u);  // it may be stopped before it has counted itself
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("memory limit"), HasSubstr("more parts")));
}

TEST_F(CompileRun, ATimeLimitIsTriedOnceMore) {
  CompilerRun run = run_of("sleep 20\n");
  run.limits.seconds = 0.2;
  const auto refused = run_compiler(run, work());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(starts(), 2u);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("stopped after 0.2 s"), HasSubstr("time limit")));
}

TEST_F(CompileRun, ARefusalIsHandedOnAndNotTriedAgain) {
  const auto refused = run_compiler(run_of(R"(
cd "$2"
echo '{"error": "nodes on the CPU"}' > job_0.json
cat > job_0.log <<'END'
 LogNodeSupport] Validation FAILED for 1 nodes in OrtNodeUnit (Erf) :
	Operator type: Erf Node name: the Erf Node index: 5
	REASON : not supported
END
)"),
                                    work());
  ASSERT_TRUE(refused.ok()) << refused.error().message();
  EXPECT_EQ(starts(), 1u);
  ASSERT_EQ(refused->size(), 1u);
  EXPECT_EQ(refused->front().refused, (std::vector<Refusal>{{"the Erf", "Erf", "not supported"}}));
  EXPECT_EQ(refused->front().what, "nodes on the CPU");
}

// Catches a shared compile that came out unshared.
TEST_F(CompileRun, TwoBinariesAreAnError) {
  const auto refused =
      run_compiler(run_of(std::string(kCompile) + "touch context_1_qnn.bin\n"), work());
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("2 context binaries"));
}

TEST_F(CompileRun, CancellingLeavesNoProducts) {
  CancelToken cancel;
  cancel.cancel();
  CompilerRun run = run_of("sleep 20\n");
  run.work.cancel = &cancel;
  const auto refused = run_compiler(run, work());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kCancelled);
  EXPECT_FALSE(fs::exists(products_of(work())));
}

}  // namespace
}  // namespace lapidary::htp
