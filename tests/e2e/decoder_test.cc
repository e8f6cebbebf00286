// The decoder's own promises, on the tiny model: chunks, windows and soft tokens.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/compare.h"
#include "e2e/opened_model.h"
#include "runtime/model.h"

namespace lapidary::e2e {
namespace {

using engine::DecoderOptions;
using runtime::Decoder;

std::vector<int32_t> some_tokens(size_t count) {
  std::mt19937 random(5);
  std::vector<int32_t> tokens = {2};
  while (tokens.size() < count) tokens.push_back(static_cast<int32_t>(280 + random() % 600));
  return tokens;
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
    EXPECT_TRUE(all_near(whole, parts, 1e-4)) << "chunks of " << chunk;
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
    EXPECT_TRUE(all_near(last, expected, 1e-4)) << kept;
  }
}

engine::SoftBlock some_block(int64_t begin, int64_t count, engine::Medium medium,
                             const std::string& hash) {
  std::mt19937 random(static_cast<uint32_t>(std::hash<std::string>()(hash)));
  std::normal_distribution<float> normal;
  auto soft = std::make_shared<engine::SoftTokens>();
  soft->count = count;
  soft->content_hash = hash;
  soft->features.resize(static_cast<size_t>(count * model().manifest().text.hidden_size));
  for (float& x : soft->features) x = normal(random);
  return {begin, medium, std::move(soft)};
}

// Text with two images and a clip between: [10, 20) and [20, 30) are images, [40, 55) is sound.
engine::Prompt mixed_prompt(const std::string& second_image) {
  const auto& manifest = model().manifest();
  std::vector<int32_t> tokens = some_tokens(80);
  const auto fill = [&](ptrdiff_t begin, ptrdiff_t end, int64_t id) {
    std::fill(tokens.begin() + begin, tokens.begin() + end, static_cast<int32_t>(id));
  };
  fill(10, 30, manifest.vision->image_token_id);
  fill(40, 55, manifest.audio->audio_token_id);
  return engine::Prompt(std::move(tokens),
                        {some_block(10, 10, engine::Medium::kImage, "first"),
                         some_block(20, 10, engine::Medium::kImage, second_image),
                         some_block(40, 15, engine::Medium::kAudio, "sound")});
}

std::vector<float> last_logits(Decoder& decoder, const engine::Prompt& prompt) {
  const auto logits = decoder.prefill(prompt).value();
  return {logits.begin(), logits.end()};
}

// Image and audio tokens that a chunk's border separates must each get their own row.
TEST(Decoder, SoftTokensKeepTheirRowsAcrossChunks) {
  const auto logits = [&](int64_t chunk, const engine::Prompt& prompt) {
    Decoder decoder = model().new_decoder({.max_context = 100, .chunk = chunk}).value();
    return last_logits(decoder, prompt);
  };
  const auto whole = logits(100, mixed_prompt("second"));
  for (const int64_t chunk : {1, 9, 25}) {
    EXPECT_TRUE(all_near(whole, logits(chunk, mixed_prompt("second")), 1e-4)) << chunk;
  }
  EXPECT_GT(max_difference(whole, logits(9, mixed_prompt("other"))), 1e-4) << "rows are not read";
}

// Equal ids with another image are another prompt; equal content is the same one.
TEST(Decoder, AnotherImageIsNotReused) {
  const DecoderOptions options{.max_context = 100, .chunk = 7};
  Decoder decoder = model().new_decoder(options).value();
  last_logits(decoder, mixed_prompt("second"));
  EXPECT_EQ(decoder.keep_common_prefix(mixed_prompt("second")), 79);
  last_logits(decoder, mixed_prompt("second"));
  const engine::Prompt other = mixed_prompt("other");
  EXPECT_EQ(decoder.keep_common_prefix(other), 20);
  Decoder anew = model().new_decoder(options).value();
  EXPECT_TRUE(all_near(last_logits(decoder, other), last_logits(anew, other), 1e-4));
  engine::Prompt text(other.ids);
  EXPECT_EQ(decoder.keep_common_prefix(text), 10) << "placeholders without soft tokens";
}

// A prompt of which only a beginning is held, up to the middle of an image, goes on there.
TEST(Decoder, APromptGoesOnInsideAnImage) {
  const DecoderOptions options{.max_context = 100, .chunk = 5};
  const engine::Prompt prompt = mixed_prompt("second");
  Decoder decoder = model().new_decoder(options).value();
  last_logits(decoder, prompt);
  engine::Prompt images(prompt.ids, {prompt.blocks[0], prompt.blocks[1]});
  images.ids.resize(30);  // its last token is left out, so 29 are kept
  EXPECT_EQ(decoder.keep_common_prefix(images), 29);
  EXPECT_EQ(decoder.keep_common_prefix(prompt), 29);
  Decoder anew = model().new_decoder(options).value();
  EXPECT_TRUE(all_near(last_logits(decoder, prompt), last_logits(anew, prompt), 1e-4));
}

// What would put soft tokens at wrong places must never run.
TEST(Decoder, RefusesBlocksThatDoNotFit) {
  Decoder decoder = model().new_decoder({.max_context = 100}).value();
  const auto error_of = [&](const engine::Prompt& prompt) {
    const auto result = decoder.prefill(prompt);
    return result.ok() ? std::string() : result.error().message();
  };
  engine::Prompt prompt = mixed_prompt("second");
  prompt.blocks[1].begin = 19;
  EXPECT_NE(error_of(prompt).find("overlap"), std::string::npos);
  prompt = mixed_prompt("second");
  prompt.ids.resize(50);
  EXPECT_NE(error_of(prompt).find("beyond"), std::string::npos);
  auto narrow = std::make_shared<engine::SoftTokens>(*prompt.blocks[0].tokens);
  narrow->features.pop_back();
  prompt.blocks = {{10, engine::Medium::kImage, narrow}};
  EXPECT_NE(error_of(prompt).find("features"), std::string::npos);
  EXPECT_EQ(decoder.tokens().size(), 0u);
}

TEST(Decoder, RefusesWhatItCannotRun) {
  Decoder decoder = model().new_decoder({.max_context = 16, .chunk = 8}).value();
  const auto error_of = [&](std::vector<int32_t> tokens) {
    const auto result = decoder.prefill(engine::Prompt(std::move(tokens)));
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
