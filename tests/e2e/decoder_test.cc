// The decoder's own promises, on the tiny model: chunks, windows and soft tokens.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "e2e/child.h"
#include "runtime/model.h"

namespace lapidary::e2e {
namespace {

using runtime::Decoder;
using runtime::DecoderOptions;

const runtime::Model& model() {
  static const runtime::Model opened = [] {
    runtime::ModelOptions options;
    options.session.threads = 1;
    auto result = runtime::Model::open(package("cpu-fp32"), options);
    if (!result.ok()) throw std::runtime_error(result.error().message());
    return std::move(result).value();
  }();
  return opened;
}

std::vector<int32_t> some_tokens(size_t count) {
  std::mt19937 random(5);
  std::vector<int32_t> tokens = {2};
  while (tokens.size() < count) tokens.push_back(static_cast<int32_t>(280 + random() % 600));
  return tokens;
}

float largest_difference(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

std::vector<float> all_logits(const DecoderOptions& options, std::span<const int32_t> tokens) {
  Decoder decoder = model().new_decoder(options).value();
  std::vector<float> out;
  for (size_t i = 0; i < tokens.size(); i += static_cast<size_t>(options.chunk)) {
    const size_t count = std::min(tokens.size() - i, static_cast<size_t>(options.chunk));
    const auto logits = decoder.step(tokens.subspan(i, count), 0).value();
    out.insert(out.end(), logits.begin(), logits.end());
  }
  return out;
}

// 600 tokens are almost twenty windows: with chunks of 1 and no rows to spare the window moves
// again and again.
TEST(Decoder, EveryLogitIsTheSameHoweverThePromptIsCut) {
  const auto tokens = some_tokens(600);
  const auto whole = all_logits({.max_context = 700, .chunk = 700}, tokens);
  for (const int64_t chunk : {1, 7, 64, 200}) {
    const auto parts = all_logits({.max_context = 700, .chunk = chunk, .rewind_rows = 0}, tokens);
    EXPECT_LT(largest_difference(whole, parts), 1e-4f) << "chunks of " << chunk;
  }
}

// logits_to_keep narrows the graph: the last positions must not notice.
TEST(Decoder, TheLastLogitsAreThoseOfAll) {
  const auto tokens = some_tokens(100);
  const auto all = all_logits({.max_context = 128, .chunk = 128}, tokens);
  const auto vocab = static_cast<size_t>(model().manifest().text.vocab_size);
  for (const int64_t kept : {1, 3, 100}) {
    Decoder decoder = model().new_decoder({.max_context = 128, .chunk = 128}).value();
    const auto last = decoder.step(tokens, kept).value();
    const auto expected = std::span(all).last(static_cast<size_t>(kept) * vocab);
    EXPECT_LT(largest_difference(last, expected), 1e-4f) << kept;
  }
}

// Image and audio tokens that a chunk's border separates must each get their own row.
TEST(Decoder, SoftTokensKeepTheirRowsAcrossChunks) {
  const auto& text = model().manifest().text;
  ASSERT_GE(text.image_token_id, 0);
  ASSERT_GE(text.audio_token_id, 0);
  std::vector<int32_t> tokens = some_tokens(80);
  for (size_t i = 10; i < 30; ++i) tokens[i] = static_cast<int32_t>(text.image_token_id);
  for (size_t i = 40; i < 55; ++i) tokens[i] = static_cast<int32_t>(text.audio_token_id);
  std::mt19937 random(6);
  std::normal_distribution<float> normal;
  std::vector<float> image(20 * static_cast<size_t>(text.hidden_size));
  std::vector<float> audio(15 * static_cast<size_t>(text.hidden_size));
  for (float& x : image) x = normal(random);
  for (float& x : audio) x = normal(random);
  const auto logits = [&](int64_t chunk, const runtime::SoftFeatures& features) {
    Decoder decoder = model().new_decoder({.max_context = 100, .chunk = chunk}).value();
    const auto span = decoder.prefill(tokens, features).value();
    return std::vector<float>(span.begin(), span.end());
  };
  const auto whole = logits(100, {image, audio});
  EXPECT_LT(largest_difference(whole, logits(9, {image, audio})), 1e-4f);
  std::swap(image[0], image.back());
  EXPECT_GT(largest_difference(whole, logits(9, {image, audio})), 1e-4f) << "rows are not read";
}

TEST(Decoder, RefusesWhatItCannotRun) {
  Decoder decoder = model().new_decoder({.max_context = 16, .chunk = 8}).value();
  const auto error_of = [&](std::vector<int32_t> tokens) {
    const auto result = decoder.prefill(tokens);
    return result.ok() ? std::string() : result.error().message();
  };
  EXPECT_NE(error_of({}).find("empty"), std::string::npos);
  EXPECT_NE(error_of({5, 1024}).find("1024"), std::string::npos);
  EXPECT_NE(error_of({-1}).find("-1"), std::string::npos);
  EXPECT_NE(error_of(some_tokens(17)).find("context of 16"), std::string::npos);
  EXPECT_EQ(decoder.tokens().size(), 0u) << "a refused prompt leaves nothing behind";
  EXPECT_EQ(error_of(some_tokens(16)), "");
  const int32_t more = 5;
  EXPECT_FALSE(decoder.step(std::span(&more, 1)).ok());
  const int64_t positions = model().manifest().text.max_positions;
  EXPECT_FALSE(model().new_decoder({.max_context = positions + 1}).ok());
}

}  // namespace
}  // namespace lapidary::e2e
