// Ctrl-C and SIGTERM end the program wherever it is: a second is promised, five are allowed here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "base/json.h"
#include "base/stopwatch.h"
#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

namespace fs = std::filesystem;

constexpr int kSignalAfterUs = 700'000;
constexpr double kMostSeconds = 5;

// A copy of a package, one of whose files is made anew and listed with its new size.
class Signals : public ::testing::TestWithParam<int> {
 protected:
  Signals()
      : folder_(fs::path(::testing::TempDir()) / ("signals_test_" + std::to_string(getpid()))) {
    fs::copy(package("cpu-fp32"), folder_, fs::copy_options::recursive);
  }
  ~Signals() override { fs::remove_all(folder_); }

  void list_size(const std::string& file) const {
    const fs::path path = folder_ / "lapidary.json";
    Json manifest = load_json(path).value();
    for (Json& record : manifest["files"]) {
      if (record["path"] == file) record["size"] = fs::file_size(folder_ / file);
    }
    std::ofstream(path) << manifest.dump();
  }

  void write(const std::string& file, const std::string& content) const {
    std::ofstream(folder_ / file, std::ios::binary) << content;
    list_size(file);
  }

  void expect_ended(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"run", folder_.string(), "Hi"};
    words.insert(words.end(), more.begin(), more.end());
    const Stopwatch watch;
    const Outcome outcome = lapidary(
        words, {.kill_after_us = kSignalAfterUs, .kill_signal = GetParam(), .seconds = 60});
    EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
    EXPECT_THAT(outcome.err, ::testing::HasSubstr("interrupted"));
    EXPECT_LT(watch.seconds(), kSignalAfterUs * 1e-6 + kMostSeconds);
  }

  // What ends by itself before the signal tests nothing: on a machine many times faster than ours.
  bool takes_long(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"run", folder_.string(), "Hi"};
    words.insert(words.end(), more.begin(), more.end());
    return lapidary(words, {.seconds = 1}).exit_code == 128 + SIGALRM;
  }

  fs::path folder_;
};

TEST_P(Signals, EndATemplateThatCountsForLong) {
  write("chat_template.jinja",
        "{% for i in range(20000) %}{% for j in range(20000) %}{% set y=i %}{% endfor %}{% endfor "
        "%}");
  if (!takes_long({"--no-verify"})) GTEST_SKIP() << "done within a second";
  expect_ended({"--no-verify"});
}

// A file that is verified before it is used: 64 GiB of nothing.
TEST_P(Signals, EndTheReadingOfALargeFile) {
  const std::string file = "decoder/model.onnx.data";
  std::error_code problem;
  fs::resize_file(folder_ / file, uint64_t{64} << 30, problem);
  if (problem) GTEST_SKIP() << "no sparse file of 64 GiB is to be had: " << problem.message();
  list_size(file);
  if (!takes_long({})) GTEST_SKIP() << "done within a second";
  expect_ended({});
}

// Within one call that looks at no token.
TEST_P(Signals, EndTheParsingOfALargeTokenizer) {
  std::string json = R"({"model":{"vocab":{"k":0)";
  constexpr size_t kBytes = 120U << 20;
  json.reserve(kBytes + 64);
  for (int i = 1; json.size() < kBytes; ++i) {
    const std::string number = std::to_string(i);
    json.append(",\"k").append(number).append("\":").append(number);
  }
  write("tokenizer.json", json + "}}}");
  if (!takes_long({"--no-verify"})) GTEST_SKIP() << "done within a second";
  expect_ended({"--no-verify"});
}

INSTANTIATE_TEST_SUITE_P(All, Signals, ::testing::Values(SIGINT, SIGTERM),
                         [](const auto& each) -> std::string {
                           return each.param == SIGINT ? "CtrlC" : "Sigterm";
                         });

}  // namespace
}  // namespace lapidary::e2e
