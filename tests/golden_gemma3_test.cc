// A trained model: Gemma 3 270M, read from its GGUF file, against transformers on the same file
// (tools/gemma3/make.py). Skipped where scripts/fetch-gemma3 has not fetched it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/testing/source_dir.h"
#include "built_model.h"
#include "checkpoint/checkpoint.h"
#include "golden_check.h"
#include "text/tokenizer.h"

namespace lapidary::golden {
namespace {

using Tokens = std::vector<int32_t>;

std::filesystem::path fetched() { return source_dir() / ".deps/gemma3"; }

Tokens ids_of(const Json& array) { return array.get<Tokens>(); }

class GoldenGemma3 : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '_');
    scratch_ = std::filesystem::path(testing::TempDir()) / ("lapidary_gemma3_" + name);
    golden_ = take(load_json(source_dir() / "tests/golden/gemma3/270m.json"));
    gguf_ = fetched() / golden_.at("model").get<std::string>();
    if (!std::filesystem::exists(gguf_)) GTEST_SKIP() << "run scripts/fetch-gemma3";
  }
  void TearDown() override { std::filesystem::remove_all(scratch_); }

  BuiltModel model() const { return take(build_model(gguf_, scratch_)); }

  Json golden_;
  std::filesystem::path gguf_;
  std::filesystem::path scratch_;
};

// Prompts part, part + kParts, ...: each part is a test of its own, so that they run side by side.
constexpr size_t kParts = 4;

class GoldenGemma3Tokens : public GoldenGemma3, public testing::WithParamInterface<size_t> {};

// Catches what random weights do not show: outliers, tied tables of trained scale, and angles and
// windows far from the beginning (one prompt is longer than the window).
TEST_P(GoldenGemma3Tokens, AreThoseOfTransformers) {
  const BuiltModel model = this->model();
  const Json& prompts = golden_.at("prompts");
  ASSERT_EQ(prompts.size(), 20U);
  for (size_t i = GetParam(); i < prompts.size(); i += kParts) {
    const Json& one = prompts.at(i);
    SCOPED_TRACE(one.at("text").get<std::string>());
    const Tokens ids = ids_of(one.at("ids"));
    const Tokens expected = ids_of(one.at("tokens"));
    ASSERT_EQ(expected.size(), 64U);
    const auto length = static_cast<int64_t>(ids.size() + expected.size());
    auto decoder = take(
        runtime::Decoder::create(model, {.max_context = length, .chunk = 128, .rewind_rows = 0}));
    auto logits = take(decoder.prefill(engine::Prompt(ids)));
    Tokens found;
    for (const int32_t token : expected) {
      const auto best = std::max_element(logits.begin(), logits.end());
      ASSERT_TRUE(std::isfinite(*best));
      found.push_back(static_cast<int32_t>(best - logits.begin()));
      logits = take(decoder.step(std::span(&token, 1)));
    }
    EXPECT_EQ(found, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Part, GoldenGemma3Tokens, testing::Range(size_t{0}, kParts));

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

double loss_of(std::span<const float> logits, int32_t target) {
  const auto top = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - top);
  return top + std::log(sum) - static_cast<double>(logits[static_cast<size_t>(target)]);
}

// Catches small errors everywhere, and large ones beyond the window: the longer text is four of
// them.
TEST_F(GoldenGemma3, PerplexityOfProseIsThatOfTransformers) {
  const BuiltModel model = this->model();
  const auto tokenizer =
      take(text::Tokenizer::load(take(checkpoint::Checkpoint::open(gguf_)).files));
  const auto vocab = static_cast<size_t>(model->text.vocab_size);
  constexpr size_t kRows = 64;  // of logits at a time
  for (const Json& one : golden_.at("texts")) {
    SCOPED_TRACE(one.at("file").get<std::string>());
    const Tokens ids =
        take(tokenizer.encode(text_of(source_dir() / one.at("file").get<std::string>()), true));
    ASSERT_EQ(ids.size(), one.at("tokens").get<size_t>());
    auto decoder = take(runtime::Decoder::create(
        model, {.max_context = static_cast<int64_t>(ids.size()), .chunk = 64, .rewind_rows = 0}));
    double loss = 0.0;
    for (size_t begin = 0; begin < ids.size(); begin += kRows) {
      const size_t count = std::min(kRows, ids.size() - begin);
      const auto logits = take(decoder.step(std::span(ids).subspan(begin, count), 0));
      for (size_t i = 0; i < count && begin + i + 1 < ids.size(); ++i) {
        loss += loss_of(logits.subspan(i * vocab, vocab), ids[begin + i + 1]);
      }
    }
    const auto expected = one.at("perplexity").get<double>();
    EXPECT_NEAR(std::exp(loss / static_cast<double>(ids.size() - 1)), expected, 1e-4 * expected);
  }
}

// Catches merges, scores and added tokens that the file's metadata give otherwise than the
// published tokenizer.json, and either of them read otherwise than the `tokenizers` package does.
TEST_F(GoldenGemma3, TokenizersOfBothFilesAreThePublishedOne) {
  const auto of_gguf = take(text::Tokenizer::load(take(checkpoint::Checkpoint::open(gguf_)).files));
  const std::filesystem::path json = fetched() / "tokenizer.json";
  const bool is_published = std::filesystem::exists(json);
  const auto published = is_published ? take(text::Tokenizer::load(json)) : of_gguf;
  const Json& corpus = golden_.at("tokenizer");
  ASSERT_GT(corpus.size(), 60U);
  for (const Json& one : corpus) {
    const auto text = one.at("text").get<std::string>();
    SCOPED_TRACE(text);
    EXPECT_EQ(take(of_gguf.encode(text, true)), ids_of(one.at("ids")));
    EXPECT_EQ(take(published.encode(text, true)), ids_of(one.at("ids")));
  }
  if (!is_published)
    GTEST_SKIP() << "the GGUF's alone: scripts/fetch-gemma3 needs npm for the other";
}

}  // namespace
}  // namespace lapidary::golden
