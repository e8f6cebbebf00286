// What can be wrong with a build for the HTP: one line that names the thing, exit code 2, nothing
// left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "checkpoint/test_files.h"
#include "e2e/child.h"
#include "htp_e2e/packages.h"

namespace lapidary::e2e {
namespace {

namespace fs = std::filesystem;
using checkpoint::TempDir;
using ::testing::HasSubstr;

class HtpBadInput : public ::testing::Test {
 protected:
  Outcome build(const std::vector<std::string>& more, const ChildOptions& options = {}) {
    std::vector<std::string> words = {"build",
                                      tiny("checkpoint"),
                                      "--recipe",
                                      "htp-w8a16",
                                      "-o",
                                      output_,
                                      "--set",
                                      "static.context_length=64",
                                      "--set",
                                      "static.prefill_length=16",
                                      "--set",
                                      "static.calibration_length=128",
                                      "--no-probe",
                                      "--cache",
                                      (dir_.path() / "cache").string()};
    words.insert(words.end(), more.begin(), more.end());
    return lapidary(words, options);
  }
  // With data to calibrate with and a chip; encoders as for the CPU, which want no pictures.
  Outcome build_v81(const std::vector<std::string>& more, const ChildOptions& options = {}) {
    std::vector<std::string> words = {"--arch", "v81", "--calibration", tiny("corpus/chats.jsonl")};
    for (const char* set : {"build.image_soft_tokens=null", "build.audio_soft_tokens=null",
                            "quantize.component_options={}", "quantize.components=[\"decoder\"]",
                            "contexts.components=[\"decoder\"]"}) {
      words.insert(words.end(), {"--set", set});
    }
    words.insert(words.end(), more.begin(), more.end());
    return build(words, options);
  }
  void expect_refused(const Outcome& outcome, const std::vector<std::string>& parts) {
    EXPECT_EQ(outcome.exit_code, 2) << outcome.out << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    for (const std::string& part : parts) EXPECT_THAT(outcome.err, HasSubstr(part));
    EXPECT_FALSE(fs::exists(output_));
    EXPECT_FALSE(fs::exists(output_ + ".partial"));
  }
  std::string write(const std::string& name, const std::string& text) {
    const fs::path path = dir_.path() / name;
    std::ofstream(path) << text;
    return path.string();
  }

  TempDir dir_;
  std::string output_ = (dir_.path() / "pkg").string();
};

TEST_F(HtpBadInput, UnknownArchOrSoc) {
  expect_refused(build({"--arch", "v42"}), {"v42", "v81"});
  expect_refused(build({"--soc", "SM0001"}), {"SM0001", "SM8850"});
  expect_refused(build({"--arch", "v73", "--soc", "SM8850"}), {"v73", "SM8850"});
  expect_refused(build({"--calibration", tiny("corpus/chats.jsonl")}), {"--arch"});
}

TEST_F(HtpBadInput, AChipForARecipeThatCompilesNothing) {
  expect_refused(lapidary({"build", tiny("checkpoint"), "--recipe", "cpu-int4", "-o", output_,
                           "--arch", "v81"}),
                 {"compiles nothing"});
}

TEST_F(HtpBadInput, MissingLibraries) {
  expect_refused(build_v81({"--qnn-libs", (dir_.path() / "none").string()}), {"none", "QNN"});
}

TEST_F(HtpBadInput, MisspeltProviderOption) {
  expect_refused(build_v81({"--set", R"(contexts.provider_options={"vtcm_mbs": "8"})"}),
                 {"vtcm_mbs", "vtcm_mb"});
}

TEST_F(HtpBadInput, IllegalPrecision) {
  expect_refused(build_v81({"--set", "quantize.activation_type=uint4"}), {"uint4"});
  expect_refused(build_v81({"--set", "quantize.weight_type=float8"}), {"float8"});
}

TEST_F(HtpBadInput, OptionThatDoesNotExist) {
  expect_refused(build_v81({"--set", "static.contxt_length=64"}), {"contxt_length"});
  expect_refused(build_v81({"--set", "statics.context_length=64"}), {"statics", "static"});
  expect_refused(build_v81({"--set", "static"}), {"PASS.OPTION=VALUE"});
}

TEST_F(HtpBadInput, BudgetTooSmallForOneLayer) {
  expect_refused(build_v81({"--set", "split.max_bytes=1000"}), {"layer", "1000"});
}

TEST_F(HtpBadInput, CalibrationData) {
  expect_refused(build({"--arch", "v81"}), {"--calibration"});
  expect_refused(build({"--arch", "v81", "--calibration", "nowhere.txt"}), {"nowhere.txt"});
  expect_refused(build({"--arch", "v81", "--calibration", write("empty.txt", "")}), {"empty.txt"});
  expect_refused(build({"--arch", "v81", "--calibration", write("a.csv", "x")}), {"a.csv", ".txt"});
  expect_refused(
      build({"--arch", "v81", "--calibration", write("bad.jsonl", "{\"messages\": 3}\n")}),
      {"bad.jsonl", "1"});
}

TEST_F(HtpBadInput, MemoryLimitOfTheCompiler) {
  const Outcome outcome = build_v81({"--compile-memory", "0.01"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("memory"));
  EXPECT_THAT(outcome.err, HasSubstr("decoder part 0"));
  EXPECT_FALSE(fs::exists(output_));
}

// What was finished before is in OUTPUT.partial and in the cache.
TEST_F(HtpBadInput, AKilledBuildGoesOn) {
  const std::vector<std::string> two_parts = {"--set", "split.num_splits=2", "--set",
                                              "split.max_bytes=null"};
  // Its compile begins when that of part 0 is done.
  const Outcome first = build_v81(two_parts, {.kill_at = "decoder part 1 ("});
  EXPECT_EQ(first.exit_code, 128 + SIGKILL) << first.out << first.err;
  EXPECT_FALSE(fs::exists(output_));
  EXPECT_TRUE(fs::exists(output_ + ".partial"));
  const Json second = json_of(
      build_v81({"--set", "split.num_splits=2", "--set", "split.max_bytes=null", "--json"}));
  EXPECT_TRUE(second["contexts"][0]["cached"].get<bool>());
  for (const Json& component : second["components"]) {
    EXPECT_TRUE(component["resumed"].get<bool>()) << component["name"];
  }
  EXPECT_TRUE(fs::exists(output_));
  EXPECT_FALSE(fs::exists(output_ + ".partial"));
}

// A package whose device is another is refused before the vendor's library sees it.
TEST(HtpRun, OtherArchThanThePackages) {
  const Outcome outcome =
      lapidary({"run", htp_package("v81"), "Hello", "--device", "htp-emulated", "--arch", "v79"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("v81"));
  EXPECT_THAT(outcome.err, HasSubstr("v79"));
}

TEST(HtpRun, PackagesForTheCpuHaveNoContexts) {
  const Outcome outcome =
      lapidary({"run", package("cpu-fp32"), "Hello", "--device", "htp-emulated"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("was not compiled for the HTP"));
}

TEST(HtpRun, MissingLibraries) {
  const Outcome outcome = lapidary(
      {"run", htp_package("v81"), "Hello", "--device", "htp-emulated", "--qnn-libs", "/nowhere"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("/nowhere"));
}

}  // namespace
}  // namespace lapidary::e2e
