#include "forms/expect_form.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "built_model.h"
#include "forms/stored_digest.h"
#include "golden_check.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace lapidary::golden {
namespace {

constexpr double kFormLogitTolerance = 1e-3;

std::string values_digest(const checkpoint::Checkpoint& opened) {
  DigestPieces pieces;
  for (const std::string& name : opened.weights.names()) {
    const bool own_head = name == "lm_head.weight" && !opened.config.tie_word_embeddings;
    if (!name.starts_with("model.language_model.") && !own_head) continue;
    const tensor::Tensor weight = take(opened.weights.tensor(name));
    const std::vector<float> values = take(weight.to_floats());
    std::string bytes(values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    add_piece(pieces, name, weight.shape(), std::move(bytes));
  }
  return digest_of(pieces);
}

std::vector<int64_t> prompt_ids(const checkpoint::Checkpoint& opened, const std::string& question) {
  const auto chat = take(text::ChatTemplate::load(opened.files));
  const std::string prompt = take(chat.render(Json::array({text::chat_message("user", question)})));
  const auto ids = take(take(text::Tokenizer::load(opened.files)).encode(prompt, false));
  return {ids.begin(), ids.end()};
}

// The best token but the stop tokens, which these goldens mask.
int64_t best_token(std::span<const float> logits, const GoldenFile& golden) {
  std::vector<float> allowed(logits.begin(), logits.end());
  for (const int64_t token : golden.stop_tokens) {
    allowed[static_cast<size_t>(token)] = -std::numeric_limits<float>::infinity();
  }
  return std::max_element(allowed.begin(), allowed.end()) - allowed.begin();
}

}  // namespace

void expect_form(const std::filesystem::path& checkpoint, const GoldenFile& golden, const Case& one,
                 const std::filesystem::path& scratch) {
  const auto opened = take(checkpoint::Checkpoint::open(checkpoint));
  EXPECT_EQ(values_digest(opened), one.values_digest);
  EXPECT_EQ(prompt_ids(opened, one.question), one.input_ids);
  const BuiltModel model = take(build_model(checkpoint, scratch));
  const size_t length = one.input_ids.size() + one.tokens.size();
  auto decoder = take(runtime::Decoder::create(
      model, {.max_context = static_cast<int64_t>(length), .chunk = 64, .rewind_rows = 0}));
  auto logits = take(decoder.prefill(
      engine::Prompt(std::vector<int32_t>(one.input_ids.begin(), one.input_ids.end()))));
  EXPECT_TRUE(all_near(logits, one.prefill.row(0), kFormLogitTolerance));
  for (size_t step = 0; step < one.tokens.size(); ++step) {
    ASSERT_EQ(best_token(logits, golden), one.tokens[step]) << "token " << step;
    const auto token = static_cast<int32_t>(one.tokens[step]);
    if (step + 1 < one.tokens.size()) logits = take(decoder.step(std::span(&token, 1)));
  }
}

}  // namespace lapidary::golden
