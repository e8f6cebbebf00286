// `lapidary eval`, `lapidary tokenize` and `lapidary inspect`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

using ::testing::HasSubstr;

// Measured with transformers 5.23: models/tiny-gemma4/README.md.
constexpr double kReference = 1.7536;
constexpr int64_t kReferenceTokens = 12'674;

Json evaluate(const std::string& recipe, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"eval", package(recipe), "--text", tiny("corpus/eval.txt"),
                                    "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return json_of(lapidary(words));
}

TEST(Eval, Fp32PerplexityIsTheReferences) {
  const Json result = evaluate("cpu-fp32");
  EXPECT_EQ(result["tokens"], kReferenceTokens);
  EXPECT_NEAR(result["perplexity"].get<double>(), kReference, 1e-4 * kReference);
}

// Most lines are longer than the window of 32, all are longer than the chunk.
TEST(Eval, ChunksDoNotChangeTheFigure) {
  const double whole = evaluate("cpu-fp32")["perplexity"];
  const Json parts = evaluate("cpu-fp32", {"--chunk", "19"});
  EXPECT_EQ(parts["tokens"], kReferenceTokens);
  EXPECT_NEAR(parts["perplexity"].get<double>(), whole, 1e-5 * whole);
}

TEST(Eval, Int4StaysWithinHalfAPercent) {
  const Json result = evaluate("cpu-int4");
  EXPECT_EQ(result["tokens"], kReferenceTokens);
  EXPECT_NEAR(result["perplexity"].get<double>(), kReference, 0.005 * kReference);
}

TEST(Eval, BadTextsAreNamed) {
  EXPECT_THAT(lapidary({"eval", package("cpu-fp32"), "--text", "/nowhere.txt"}).err,
              HasSubstr("/nowhere.txt"));
  const std::string file = testing::TempDir() + "/eval_" + std::to_string(getpid()) + ".txt";
  std::ofstream(file) << "good line\n\nbad \xff line\n";
  const Outcome outcome = lapidary({"eval", package("cpu-fp32"), "--text", file});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr(file + ": line 3"));
  std::ofstream(file, std::ios::trunc) << "\n\n";
  const Outcome empty = lapidary({"eval", package("cpu-fp32"), "--text", file});
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_THAT(empty.err, HasSubstr(file));
  std::filesystem::remove(file);
  const Outcome folder = lapidary({"eval", package("cpu-fp32"), "--text", testing::TempDir()});
  EXPECT_EQ(folder.exit_code, 2);
  EXPECT_THAT(folder.err, HasSubstr(testing::TempDir()));
}

TEST(Tokenize, IdsAndPieces) {
  for (const std::string& directory : {package("cpu-fp32"), tiny("checkpoint")}) {
    const Outcome outcome =
        lapidary({"tokenize", directory, "--json"}, {.input = "Who has the kite?<turn|>"});
    const Json json = json_of(outcome);
    ASSERT_GT(json["ids"].size(), 0u);
    EXPECT_EQ(json["ids"].size(), json["pieces"].size());
    EXPECT_EQ(json["ids"].front(), 2);
    EXPECT_EQ(json["ids"].back(), 6);
    EXPECT_EQ(json["pieces"].back(), "<turn|>");
  }
}

TEST(Tokenize, DecodeIsTheInverse) {
  const std::string text =
      "Who has the kite? Gr\xc3\xbc\xc3\x9f"
      "e \xf0\x9f\x99\x82\n\n  x";
  const Outcome ids = lapidary({"tokenize", tiny("checkpoint"), "--no-special"}, {.input = text});
  const Outcome back = lapidary({"tokenize", tiny("checkpoint"), "--decode"}, {.input = ids.out});
  EXPECT_EQ(back.exit_code, 0) << back.err;
  EXPECT_EQ(back.out, text);
}

TEST(Tokenize, BadInputIsAnError) {
  const Outcome text = lapidary({"tokenize", tiny("checkpoint")}, {.input = "\xc3("});
  EXPECT_EQ(text.exit_code, 2);
  const Outcome ids = lapidary({"tokenize", tiny("checkpoint"), "--decode"}, {.input = "2 five"});
  EXPECT_EQ(ids.exit_code, 2);
  EXPECT_THAT(ids.err, HasSubstr("byte 2"));
  const Outcome unknown =
      lapidary({"tokenize", tiny("checkpoint"), "--decode"}, {.input = "2 9999"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("9999"));
}

TEST(Inspect, HasASectionForEachModality) {
  const Outcome text = lapidary({"inspect", package("cpu-int4")});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const char* part : {"\ntext: vocabulary 1024", "\nimages: tokens image 19",
                           "\nsound: tokens audio 20", "  vision_encoder  any "}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
  const Json json = json_of(lapidary({"inspect", package("cpu-int4"), "--json"}));
  const Json& images = json["modalities"]["images"]["components"];
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0]["on_cpu"], true);
  EXPECT_FALSE(images[0].contains("soft_tokens"));
  EXPECT_FALSE(images[0].contains("contexts"));
  EXPECT_EQ(json["modalities"]["text"]["components"].size(), 2U);
}

// A figure is kept where it was measured, and measured again it takes the place of the old one.
TEST(Eval, RecordsInTheManifestWhatItMeasured) {
  namespace fs = std::filesystem;
  const fs::path copy = fs::path(testing::TempDir()) / ("recorded_" + std::to_string(getpid()));
  fs::copy(package("cpu-int4"), copy,
           fs::copy_options::recursive | fs::copy_options::create_hard_links);
  const std::vector<std::string> words = {
      "eval",    copy.string(), "--text",   tiny("corpus/eval.txt"),
      "--limit", "2",           "--record", "--json"};
  const Json measured = json_of(lapidary(words));
  json_of(lapidary(words));
  const Json shown = json_of(lapidary({"inspect", copy.string(), "--json"}));
  ASSERT_EQ(shown["quality"].size(), 1U);
  EXPECT_EQ(shown["quality"][0]["measure"], "perplexity");
  EXPECT_EQ(shown["quality"][0]["device"], "cpu");
  EXPECT_EQ(shown["quality"][0]["count"], measured["tokens"]);
  EXPECT_EQ(shown["quality"][0]["value"], measured["perplexity"]);
  EXPECT_THAT(shown["quality"][0]["data"].get<std::string>(),
              testing::StartsWith("eval.txt, first 2 (xxh3 "));
  EXPECT_THAT(lapidary({"inspect", copy.string()}).out, HasSubstr("\nquality "));
  fs::remove_all(copy);
}

// Options that have no meaning for what is inspected are refused, not passed over.
TEST(Inspect, RefusesOptionsWithoutMeaning) {
  const std::string onnx = package("cpu-fp32") + "/decoder/model.onnx";
  const std::vector<std::vector<std::string>> bad = {{tiny("checkpoint"), "--verify"},
                                                     {tiny("checkpoint"), "--graph"},
                                                     {tiny("checkpoint"), "--component", "decoder"},
                                                     {onnx, "--verify"},
                                                     {onnx, "--component", "decoder"},
                                                     {package("cpu-fp32"), "--json", "--graph"}};
  for (std::vector<std::string> words : bad) {
    words.insert(words.begin(), "inspect");
    const Outcome outcome = lapidary(words);
    SCOPED_TRACE(words[1] + " " + words[2]);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("leave it out"));
  }
  EXPECT_EQ(lapidary({"inspect", onnx, "--graph", "--tensors"}).exit_code, 0);
  EXPECT_EQ(lapidary({"inspect", tiny("checkpoint"), "--json", "--tensors"}).exit_code, 0);
}

}  // namespace
}  // namespace lapidary::e2e
