// Packages of what one device needs: they answer as the whole one, and say what they lack.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "e2e/child.h"
#include "htp_e2e/packages.h"

namespace lapidary::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Export : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("lapidary_export_" + std::to_string(getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string at(const std::string& name) const { return (root_ / name).string(); }
  static Outcome exported(const std::string& from, const std::string& to, const std::string& device,
                          const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"export", from, "-o", to, "--device", device};
    words.insert(words.end(), more.begin(), more.end());
    return lapidary(words);
  }
  static void expect_refused(const Outcome& outcome, const std::vector<std::string>& parts) {
    EXPECT_NE(outcome.exit_code, 0);
    for (const std::string& part : parts) EXPECT_THAT(outcome.err, HasSubstr(part));
  }
  bool has(const std::string& file) const { return fs::exists(root_ / file); }

  fs::path root_;
};

std::vector<std::string> reply_words(const std::string& package, const std::string& device) {
  return {"run",      package,        "What is seven plus eight?",
          "--greedy", "--max-tokens", "24",
          "--json",   "--device",     device};
}

// A part of one graph has one binary for device and emulator: it must not go with the others.
TEST_F(Export, OfTheEmulatedHtpAnswersTheSameAndNothingElseRuns) {
  for (const char* name : {"v81", "three_parts"}) {
    SCOPED_TRACE(name);
    const std::string slim = at(name);
    const Outcome made = exported(htp_package(name), slim, "htp-emulated");
    ASSERT_EQ(made.exit_code, 0) << made.err;
    const Json whole = json_of(lapidary(reply_words(htp_package(name), "htp-emulated")));
    const Json reply = json_of(lapidary(reply_words(slim, "htp-emulated")));
    EXPECT_EQ(reply["tokens"], whole["tokens"]);
    EXPECT_EQ(reply["device"], "htp-emulated v81 (SM8850)");
    EXPECT_FALSE(fs::exists(fs::path(slim) / "decoder/decode.0.onnx.data"));
    EXPECT_FALSE(fs::exists(fs::path(slim) / "decoder/htp/part.0.bin"));
    expect_refused(lapidary(reply_words(slim, "cpu")),
                   {"exported for the HTP", "--device htp-emulated"});
    std::vector<std::string> on_device = reply_words(slim, "htp");
    on_device.insert(on_device.end(), {"--soc", "SM8850"});
    expect_refused(lapidary(on_device), {"no context binaries for --device htp"});
  }
}

TEST_F(Export, OfTheCpuAnswersTheSameWithoutContexts) {
  const Outcome made = exported(htp_package("v81"), at("slim"), "cpu");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(json_of(lapidary(reply_words(at("slim"), "cpu")))["tokens"],
            json_of(lapidary(reply_words(htp_package("v81"), "cpu")))["tokens"]);
  EXPECT_FALSE(has("slim/decoder/htp"));
  EXPECT_FALSE(has("slim/decoder/emulated"));
  expect_refused(lapidary(reply_words(at("slim"), "htp-emulated")), {"--device cpu"});
}

// No device is here to run it on: its files are what can be looked at.
TEST_F(Export, OfADeviceHoldsTheSharedBinariesAndWhatRunsOnTheCpu) {
  const Outcome made = exported(htp_package("v81"), at("slim"), "htp");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  for (const char* file : {"htp/part.0.bin", "htp/prefill.0.onnx", "htp/decode.0.onnx"}) {
    EXPECT_TRUE(has(std::string("slim/decoder/") + file)) << file;
  }
  for (const char* file : {"embedding/model.onnx.data", "tokenizer.json", "chat_template.jinja"}) {
    EXPECT_TRUE(has(std::string("slim/") + file)) << file;
  }
  for (const char* file : {"emulated", "decode.0.onnx", "decode.0.onnx.data", "claims.json"}) {
    EXPECT_FALSE(has(std::string("slim/decoder/") + file)) << file;
  }
  const Outcome verified = lapidary({"inspect", at("slim"), "--verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  expect_refused(lapidary({"inspect", at("slim"), "--graph"}), {"left out", "exported"});
  // What was left out cannot come back.
  expect_refused(exported(at("slim"), at("again"), "cpu"), {"exported for the HTP"});
}

TEST_F(Export, ReplacesNothingUnasked) {
  const std::string whole = htp_package("v81");
  ASSERT_EQ(exported(whole, at("slim"), "htp").exit_code, 0);
  expect_refused(exported(whole, at("slim"), "cpu"), {"slim", "--force"});
  EXPECT_TRUE(has("slim/decoder/htp/part.0.bin"));
  const Outcome forced = exported(whole, at("slim"), "cpu", {"--force"});
  EXPECT_EQ(forced.exit_code, 0) << forced.err;
  EXPECT_FALSE(has("slim/decoder/htp"));
  expect_refused(exported(at("slim"), at("slim"), "cpu", {"--force"}), {"the package to export"});
  fs::create_directories(root_ / "photos/2024");
  expect_refused(exported(whole, at("photos"), "cpu", {"--force"}), {"other things in it"});
  EXPECT_FALSE(has("slim.partial"));
}

// A copy of a damaged file would be damaged for good; one that is not needed does not matter.
TEST_F(Export, WhatIsKeptIsVerifiedFirst) {
  fs::copy(htp_package("v81"), root_ / "whole", fs::copy_options::recursive);
  fs::remove(root_ / "whole/decoder/emulated/decode.0.bin");
  const Outcome made = exported(at("whole"), at("slim"), "htp");
  EXPECT_EQ(made.exit_code, 0) << made.err;
  std::fstream(root_ / "whole/decoder/htp/part.0.bin", std::ios::in | std::ios::out) << "damage";
  expect_refused(exported(at("whole"), at("other"), "htp"), {"part.0.bin", "checksum"});
  EXPECT_FALSE(has("other"));
  EXPECT_FALSE(has("other.partial"));
  fs::remove(root_ / "whole/tokenizer.json");
  expect_refused(exported(at("whole"), at("other"), "cpu"), {"tokenizer.json", "is missing"});
}

}  // namespace
}  // namespace lapidary::e2e
