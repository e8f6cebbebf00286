// Outputs that are no regular files: a pipe that nobody reads was waited for, or replaced by a
// file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Outputs : public ::testing::Test {
 protected:
  Outputs()
      : folder_(fs::path(::testing::TempDir()) / ("outputs_test_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~Outputs() override { fs::remove_all(folder_); }

  std::string pipe(const std::string& name) const {
    const std::string path = (folder_ / name).string();
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    return path;
  }

  static void expect_refused(const std::vector<std::string>& words, const std::string& what) {
    const Outcome outcome = lapidary(words, {.seconds = 60});
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(what));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }

  std::vector<std::string> convert(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"convert", package("cpu-fp32") + "/embedding/model.onnx",
                                      "--pass", "OnnxFloatToFloat16"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  fs::path folder_;
};

TEST_F(Outputs, OfConvertAreFiles) {
  const std::string out = (folder_ / "out.onnx").string();
  const std::string summary = pipe("summary.json"), model = pipe("model.onnx");
  expect_refused(convert({"-o", out, "--json", summary}), summary + ": is not a regular file");
  EXPECT_FALSE(fs::exists(out)) << "refused after the work";
  expect_refused(convert({"-o", model, "--force"}), model + ": is not a regular file but a pipe");
  expect_refused(convert({"-o", out, "--json", "/dev/null"}), "/dev/null: is not a regular file");
  EXPECT_TRUE(fs::is_fifo(summary) && fs::is_fifo(model)) << "replaced by a file";
}

TEST_F(Outputs, OfFeaturesAreFiles) {
  const std::string out = pipe("features.npy");
  expect_refused(
      {"features", package("cpu-fp32"), "--audio", tiny("samples/nothing.wav"), "-o", out},
      out + ": is not a regular file but a pipe");
  EXPECT_TRUE(fs::is_fifo(out));
}

}  // namespace
}  // namespace lapidary::e2e
