// A package that is built again while it is read. A build exchanges the whole folder at any moment,
// so a reader may meet graphs of one package and weights of another.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int kReads = 40;
constexpr const char* kRecipes[] = {"cpu-fp32", "cpu-int4"};

// Builds the package again and again, now by one recipe, now by the other.
class Rebuilding {
 public:
  explicit Rebuilding(const std::string& output)
      : output_(output), thread_([this] {
          for (int i = 0; !end_; ++i) {
            const Outcome built = build(kRecipes[i % 2]);
            EXPECT_EQ(built.exit_code, 0) << built.err;
            ++builds_;
            // A read takes about as long as a build: some must have the time for a whole one.
            std::this_thread::sleep_for(std::chrono::milliseconds(20 * (i % 10)));
          }
        }) {}
  ~Rebuilding() { end(); }
  Rebuilding(const Rebuilding&) = delete;
  Rebuilding& operator=(const Rebuilding&) = delete;

  // How many there were.
  int end() {
    end_ = true;
    if (thread_.joinable()) thread_.join();
    return builds_;
  }
  Outcome build(const std::string& recipe) const {
    return lapidary({"build", tiny("checkpoint"), "--recipe", recipe, "-o", output_, "--force"});
  }

 private:
  std::string output_;
  std::atomic<bool> end_ = false;
  std::atomic<int> builds_ = 0;
  std::thread thread_;
};

class ReplacedPackage : public ::testing::Test {
 protected:
  ReplacedPackage()
      : dir_(fs::path(::testing::TempDir()) / fmt::format("replaced_{}", getpid())),
        package_((dir_ / "package").string()) {
    fs::create_directories(dir_);
    EXPECT_EQ(
        lapidary({"build", tiny("checkpoint"), "--recipe", "cpu-fp32", "-o", package_}).exit_code,
        0);
  }
  ~ReplacedPackage() override { fs::remove_all(dir_); }

  // What `words`, a command about a package, print of the one and of the other.
  static std::set<std::string> answers(const std::string& command,
                                       const std::vector<std::string>& more) {
    std::set<std::string> out;
    for (const char* recipe : kRecipes) {
      std::vector<std::string> words = {command, package(recipe)};
      words.insert(words.end(), more.begin(), more.end());
      out.insert(lapidary(words).out);
    }
    return out;
  }

  fs::path dir_;
  std::string package_;
};

// Sampled, so that the two packages answer differently; a mixture answers otherwise than both.
TEST_F(ReplacedPackage, RunSeesOneOrTheOther) {
  const std::vector<std::string> question = {"Tell me a story about a fox named Lily.",
                                             "--temperature",
                                             "1.5",
                                             "--seed",
                                             "2",
                                             "--max-tokens",
                                             "40"};
  const std::set<std::string> right = answers("run", question);
  ASSERT_EQ(right.size(), 2U);
  std::vector<std::string> words = {"run", package_};
  words.insert(words.end(), question.begin(), question.end());
  Rebuilding rebuilding(package_);
  int answered = 0;
  std::set<std::string> seen;
  for (int i = 0; i < kReads; ++i) {
    const Outcome outcome = lapidary(words);
    if (outcome.exit_code == 0) {
      EXPECT_THAT(right, ::testing::Contains(outcome.out));
      seen.insert(outcome.out);
      ++answered;
    } else {
      EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
      EXPECT_EQ(outcome.err,
                fmt::format("lapidary: error: {}: was replaced while it was being read "
                            "(run again)\n",
                            package_));
    }
  }
  const int builds = rebuilding.end();
  EXPECT_GT(builds, 2);
  EXPECT_GT(answered, 0);
  EXPECT_EQ(seen.size(), 2U) << answered << " answers during " << builds << " builds";
}

// The encoder is opened after the rest, when the image comes.
TEST_F(ReplacedPackage, ItsEncodersAreOfTheSamePackage) {
  const std::vector<std::string> question = {
      "What is it?", "--image", tiny("samples/image3.png"), "--greedy", "--max-tokens", "20"};
  const std::set<std::string> right = answers("run", question);
  ASSERT_EQ(right.size(), 2U);
  std::vector<std::string> words = {"run", package_};
  words.insert(words.end(), question.begin(), question.end());
  Rebuilding rebuilding(package_);
  for (int i = 0; i < kReads; ++i) {
    const Outcome outcome = lapidary(words);
    if (outcome.exit_code == 0) {
      EXPECT_THAT(right, ::testing::Contains(outcome.out));
    } else {
      EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
      EXPECT_THAT(outcome.err, HasSubstr("was replaced while it was being read (run again)"));
    }
  }
}

TEST_F(ReplacedPackage, InspectAndExportSeeOneOrTheOther) {
  const std::string exported = (dir_ / "exported").string();
  Rebuilding rebuilding(package_);
  for (int i = 0; i < kReads; ++i) {
    const Outcome shown = lapidary({"inspect", package_, "--verify"});
    if (shown.exit_code != 0) {
      EXPECT_EQ(shown.exit_code, 2) << shown.err;
      EXPECT_THAT(shown.err, HasSubstr("was replaced while it was being read (run again)"));
    }
    const Outcome made =
        lapidary({"export", package_, "--device", "cpu", "-o", exported, "--force"});
    if (made.exit_code == 0) {
      EXPECT_EQ(lapidary({"inspect", exported, "--verify"}).exit_code, 0);
    } else {
      EXPECT_EQ(made.exit_code, 2) << made.err;
      EXPECT_THAT(made.err, HasSubstr("was replaced while it was being read (run again)"));
    }
  }
}

}  // namespace
}  // namespace lapidary::e2e
