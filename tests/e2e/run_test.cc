// `lapidary run` on the tiny model, against what Hugging Face generated (samples/expected.json).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "base/testing/source_dir.h"
#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::string kStory = "Tell me a story about a fox named Lily.";

// The command that generates a sample's reply as the reference did.
std::vector<std::string> command(const Json& sample, const std::string& recipe) {
  const bool raw = sample["kind"] == "completion";
  std::vector<std::string> words = {
      "run",      package(recipe), sample[raw ? "prompt" : "question"],
      "--greedy", "--max-tokens",  "110"};
  if (raw) words.emplace_back("--raw");
  if (sample["system"].is_string()) {
    words.emplace_back("--system");
    words.push_back(sample["system"]);
  }
  return words;
}

Json run_json(std::vector<std::string> words, const std::vector<std::string>& more = {}) {
  words.emplace_back("--json");
  words.insert(words.end(), more.begin(), more.end());
  return json_of(lapidary(words));
}

Outcome run(const std::vector<std::string>& more) {
  std::vector<std::string> words = {"run", package("cpu-fp32")};
  words.insert(words.end(), more.begin(), more.end());
  return lapidary(words);
}

TEST(Run, EverySampleEqualsHuggingFaceTokenForToken) {
  const auto samples = text_samples();
  ASSERT_EQ(samples.size(), 8u);
  for (const Json& sample : samples) {
    SCOPED_TRACE(sample["id"].get<std::string>());
    const Json reply = run_json(command(sample, "cpu-fp32"));
    EXPECT_EQ(reply["prompt_tokens"], sample["input_ids"]);
    EXPECT_EQ(reply["tokens"], sample["output_ids"]);
    EXPECT_EQ(reply["text"], sample["output_text"]);
    EXPECT_EQ(reply["finish_reason"], "stop");
  }
}

// Catches a wrong position, mask or cache row at a chunk's border. The window is 32: 5, 17 and 64
// are below, across and above it.
TEST(Run, ChunkedPromptsGiveTheSameReply) {
  for (const Json& sample : text_samples()) {
    for (const char* chunk : {"1", "5", "17", "64"}) {
      SCOPED_TRACE(sample["id"].get<std::string>() + " in chunks of " + chunk);
      const Json reply = run_json(command(sample, "cpu-fp32"), {"--chunk", chunk});
      EXPECT_EQ(reply["tokens"], sample["output_ids"]);
    }
  }
}

TEST(Run, StreamedTextIsTheReplyAndALineBreak) {
  for (const Json& sample : text_samples()) {
    const Outcome outcome = lapidary(command(sample, "cpu-fp32"));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, sample["output_text"].get<std::string>() + "\n");
    EXPECT_THAT(outcome.err, IsEmpty());
  }
}

// The tiny model takes 4 bits well where its margins are wide; also in the package that Olive's own
// recipe makes.
TEST(Run, Int4AnswersTheSureQuestionsAlike) {
  for (const char* recipe : {"cpu-int4", "olive-cpu-int4"}) {
    int sure = 0;
    for (const Json& sample : text_samples()) {
      if (sample["min_margin"].get<double>() < 3.0) continue;
      ++sure;
      EXPECT_EQ(run_json(command(sample, recipe))["text"], sample["output_text"]) << recipe;
    }
    EXPECT_GE(sure, 3);
  }
}

TEST(Run, StopStringEndsTheReplyBeforeIt) {
  const Json reply = run_json({"run", package("cpu-fp32"), kStory, "--greedy"},
                              {"--stop", "never written", "--stop", "by the barn"});
  EXPECT_EQ(reply["text"], "In a house ");
  EXPECT_EQ(reply["finish_reason"], "stop");
  EXPECT_EQ(run({kStory, "--greedy", "--stop", "by the barn"}).out, "In a house \n");
}

TEST(Run, MaxTokensEndsWithLength) {
  const Json reply =
      run_json({"run", package("cpu-fp32"), kStory, "--greedy"}, {"--max-tokens", "7"});
  EXPECT_EQ(reply["tokens"].size(), 7u);
  EXPECT_EQ(reply["finish_reason"], "length");
}

TEST(Run, MinTokensMasksStopTokensUntilThen) {
  const std::vector<std::string> words = {"run", package("cpu-fp32"), "What color is the sky?",
                                          "--greedy"};
  const Json normal = run_json(words);
  const Json longer = run_json(words, {"--min-tokens", "30"});
  ASSERT_LT(normal["tokens"].size(), 30u);
  EXPECT_GE(longer["tokens"].size(), 30u);
  const std::vector<int> stops = {1, 6};
  for (size_t i = 0; i < 30 && i < longer["tokens"].size(); ++i) {
    EXPECT_THAT(stops, testing::Not(testing::Contains(longer["tokens"][i].get<int>()))) << i;
  }
  // A wish for more tokens than the default limit raises the limit.
  EXPECT_EQ(run_json(words, {"--min-tokens", "600"})["tokens"].size(), 600u);
}

TEST(Run, ContextLimitsPromptAndReplyTogether) {
  const std::vector<std::string> words = {"run", package("cpu-fp32"), kStory, "--greedy"};
  const Json reply = run_json(words, {"--context", "25"});
  EXPECT_EQ(reply["prompt_tokens"].size() + reply["tokens"].size(), 25u);
  EXPECT_EQ(reply["finish_reason"], "length");
  const Outcome full = run({kStory, "--context", "21"});
  EXPECT_EQ(full.exit_code, 2);
  EXPECT_THAT(full.err, HasSubstr("21 tokens leave no room for a reply in a context of 21"));
}

TEST(Run, SampledTextDependsOnTheSeedAlone) {
  const auto draw = [](const char* seed) {
    return run({kStory, "--temperature", "1.5", "--seed", seed}).out;
  };
  EXPECT_EQ(draw("3"), draw("3"));
  EXPECT_NE(draw("3"), draw("4"));
}

TEST(Run, PromptFromStandardInput) {
  const Outcome outcome = lapidary({"run", package("cpu-fp32"), "-", "--greedy"},
                                   {.input = "What color is the sky?\n"});
  EXPECT_EQ(outcome.out, "The sky is blue.\n");
}

TEST(Run, JsonHasItsFields) {
  const Json reply = run_json({"run", package("cpu-fp32"), "What color is the sky?", "--greedy"});
  for (const char* key : {"prompt_tokens", "tokens", "text", "finish_reason", "timings"}) {
    EXPECT_TRUE(reply.contains(key)) << key;
  }
  EXPECT_EQ(reply["device"], "cpu");
  for (const char* key : {"load_seconds", "prompt_tokens_per_second", "first_token_seconds",
                          "decode_tokens_per_second", "peak_memory_bytes"}) {
    EXPECT_GT(reply["timings"][key].get<double>(), 0) << key;
  }
}

TEST(Run, StatsGoToStandardError) {
  const Outcome outcome = run({"What color is the sky?", "--greedy", "--stats"});
  EXPECT_EQ(outcome.out, "The sky is blue.\n");
  EXPECT_THAT(outcome.err, HasSubstr("tokens/s"));
  EXPECT_THAT(outcome.err, HasSubstr("memory"));
  EXPECT_THAT(outcome.err, HasSubstr("device  cpu\n"));
}

// Ctrl-C: the text so far stays, the line is ended, the exit code is the shell's for SIGINT.
TEST(Run, CtrlCStopsCleanly) {
  const Outcome outcome =
      lapidary({"run", package("cpu-fp32"), kStory, "--greedy", "--min-tokens", "4000"},
               {.input = "", .interrupt_after = 20});
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("In a house by the ba"));
  EXPECT_THAT(outcome.out, testing::EndsWith("\n"));
  EXPECT_LT(outcome.out.size(), 12'000u) << "ran to the end";
}

TEST(Run, BadOptionsAreOneLineAndExitCode2) {
  const std::vector<std::vector<std::string>> bad = {
      {"x", "--temperature", "0"},
      {"x", "--top-p", "2"},
      {"x", "--max-tokens", "0"},
      {"x", "--context", "9999999"},
      {"x", "--no-such-option"},
      {"x", "--raw", "--system", "y"},
      {"x", "--min-tokens", "9", "--max-tokens", "8"},
      {},
      {"x", "--temperature", "warm"},
      {"bad \xff text"},
      {"x", "--system", "\xff"},
      {"x", "--stop", "\xff"},
      {"x", "--stop", ""},
      {"x", "--seed", "-1"},
      {"x", "--seed", "18446744073709551616"}};
  for (const auto& words : bad) {
    const Outcome outcome = run(words);
    SCOPED_TRACE(words.empty() ? "no prompt" : words.back());
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, StartsWith("lapidary: error: "));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST(Run, MissingPackageIsNamed) {
  const Outcome outcome = lapidary({"run", "/nowhere/package", "x"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("/nowhere/package"));
}

// A damaged weight must not become text; --no-verify is the user's own risk.
TEST(Run, ChangedWeightsAreRefused) {
  namespace fs = std::filesystem;
  const fs::path copy = fs::path(testing::TempDir()) / ("damaged_" + std::to_string(getpid()));
  fs::copy(package("cpu-fp32"), copy, fs::copy_options::recursive);
  const fs::path data = copy / "decoder/model.onnx.data";
  std::fstream file(data, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(data) / 2));
  file.put('\x5a');
  file.put('\xa5');
  file.close();
  const Outcome outcome = lapidary({"run", copy, "x"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("model.onnx.data"));
  EXPECT_EQ(lapidary({"run", copy, "x", "--no-verify", "--max-tokens", "1"}).exit_code, 0);
  fs::remove_all(copy);
}

TEST(Run, FullDiskIsAnError) {
  const std::string line = (build_dir() / "lapidary").string() + " run " + package("cpu-fp32") +
                           " 'Tell me a story' --greedy > /dev/full 2> /dev/null";
  const int status = std::system(line.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 2);
}

}  // namespace
}  // namespace lapidary::e2e
