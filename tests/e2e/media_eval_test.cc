// `lapidary eval --media` on the tiny model's held-out pictures and clips.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

using ::testing::HasSubstr;

Json evaluate(const std::string& recipe, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"eval", package(recipe), "--media", tiny("eval/eval.json"),
                                    "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return json_of(lapidary(words));
}

// Hugging Face in float32: 45 captions, 50 transcripts, and the very tokens of eval.json.
TEST(EvalMedia, Fp32GivesTheAnswersOfTheReference) {
  const Json result = evaluate("cpu-fp32");
  EXPECT_EQ(result["images"]["items"], 50);
  EXPECT_EQ(result["images"]["exact"], 45);
  EXPECT_EQ(result["images"]["exact_match"], 0.9);
  EXPECT_EQ(result["images"]["equal_to_recorded"], 50);
  EXPECT_EQ(result["audio"]["items"], 50);
  EXPECT_EQ(result["audio"]["exact"], 50);
  EXPECT_EQ(result["audio"]["word_error_rate"], 0.0);
  EXPECT_EQ(result["audio"]["equal_to_recorded"], 50);
  ASSERT_EQ(result["items"].size(), 100u);
  for (const Json& item : result["items"]) {
    EXPECT_EQ(item["equal_to_recorded"], true) << item.dump();
    EXPECT_EQ(item["ok"], item["answer"] == item["reference"]);
  }
}

TEST(EvalMedia, Int4StaysWithinTwoPoints) {
  const Json result = evaluate("cpu-int4");
  EXPECT_GE(result["images"]["exact_match"].get<double>(), 0.88);
  EXPECT_LE(result["audio"]["word_error_rate"].get<double>(), 0.02);
}

TEST(EvalMedia, LimitTakesTheFirstOfEachKind) {
  const Json result = evaluate("cpu-fp32", {"--limit", "2"});
  ASSERT_EQ(result["items"].size(), 4u);
  EXPECT_EQ(result["items"][1]["file"], "images/001.png");
  EXPECT_EQ(result["items"][2]["file"], "audio/000.wav");
  const Outcome outcome =
      lapidary({"eval", package("cpu-fp32"), "--media", tiny("eval/eval.json"), "--limit", "2"});
  EXPECT_THAT(outcome.out, HasSubstr("images: 2 of 2 exactly right (100.0 %), tokens equal to the "
                                     "recorded ones: 2 of 2\n"));
  EXPECT_THAT(outcome.out,
              HasSubstr("audio: 2 of 2 exactly right (100.0 %), word error rate 0.00 %"));
}

TEST(EvalMedia, RefusesWhatMakesNoSense) {
  const std::string media = tiny("eval/eval.json");
  const std::vector<std::pair<std::vector<std::string>, std::string>> bad = {
      {{}, "either --text or --media"},
      {{"--media", media, "--text", tiny("corpus/eval.txt")}, "either --text or --media"},
      {{"--media", media, "--limit", "0"}, "--limit"},
      {{"--media", media, "--limit", "-1"}, "--limit"},
      {{"--media", "/nowhere.json"}, "/nowhere.json"},
      {{"--media", tiny("samples/expected.json")}, "expected.json"},
  };
  for (const auto& [more, part] : bad) {
    std::vector<std::string> words = {"eval", package("cpu-fp32")};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = lapidary(words);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr(part));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

}  // namespace
}  // namespace lapidary::e2e
