// The graphs of every committed checkpoint against transformers: float32, eager attention.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "built_model.h"
#include "golden_check.h"
#include "golden_file.h"

namespace lapidary::golden {
namespace {

using engine::Prompt;
using runtime::Decoder;

constexpr double kLogitTolerance = 1e-3;

using Tokens = std::vector<int32_t>;

Tokens narrow(const std::vector<int64_t>& ids) { return {ids.begin(), ids.end()}; }

class GoldenLogits : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    golden_ = take(read_golden(GetParam()));
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '_');
    scratch_ = std::filesystem::path(testing::TempDir()) / ("lapidary_golden_" + name);
    model_ = take(build_model(golden_.checkpoint, scratch_));
  }
  void TearDown() override {
    model_.reset();
    std::filesystem::remove_all(scratch_);
  }

  Decoder new_decoder(size_t max_context, size_t chunk) const {
    return take(Decoder::create(model_, {.max_context = static_cast<int64_t>(max_context),
                                         .chunk = static_cast<int64_t>(chunk),
                                         .rewind_rows = 0}));
  }
  // Feeds the ids at once; a copy of the kept rows of logits.
  std::vector<float> one_shot(const Tokens& ids, size_t keep) const {
    Decoder decoder = new_decoder(ids.size(), ids.size());
    const auto logits = take(decoder.step(ids, static_cast<int64_t>(keep)));
    return {logits.begin(), logits.end()};
  }
  std::span<const float> row(const std::vector<float>& logits, size_t i) const {
    const auto vocab = static_cast<size_t>(model_->text.vocab_size);
    return std::span(logits).subspan(i * vocab, vocab);
  }

  // The best token, stop tokens left out for the first min_tokens.
  int64_t greedy(std::span<const float> logits, const Case& one, size_t step) const {
    std::vector<float> allowed(logits.begin(), logits.end());
    if (step < static_cast<size_t>(one.min_tokens)) {
      for (int64_t token : golden_.stop_tokens) {
        allowed[static_cast<size_t>(token)] = -std::numeric_limits<float>::infinity();
      }
    }
    return std::max_element(allowed.begin(), allowed.end()) - allowed.begin();
  }

  GoldenFile golden_;
  std::filesystem::path scratch_;
  BuiltModel model_;
};

// Catches a wrong mask, window, rotation or norm anywhere in the prompt, the first tokens past the
// sliding window above all.
TEST_P(GoldenLogits, WholePromptAllPositions) {
  for (const Case& one : golden_.cases) {
    SCOPED_TRACE(one.name);
    const auto logits = one_shot(narrow(one.input_ids), 0);
    for (size_t i = 0; i < one.prefill_positions.size(); ++i) {
      const auto position = static_cast<size_t>(one.prefill_positions[i]);
      EXPECT_TRUE(all_near(row(logits, position), one.prefill.row(static_cast<int64_t>(i)),
                           kLogitTolerance))
          << "position " << position;
    }
  }
}

// Catches a narrowing to the last positions that loses a residual, a rotation or a mask row.
TEST_P(GoldenLogits, LastPositionsOnly) {
  for (const Case& one : golden_.cases) {
    SCOPED_TRACE(one.name);
    const Tokens ids = narrow(one.input_ids);
    const auto all = one_shot(ids, 0);
    for (size_t keep : {size_t{1}, size_t{2}, ids.size()}) {
      const auto logits = one_shot(ids, keep);
      for (size_t i = 0; i < keep; ++i) {
        EXPECT_TRUE(all_near(row(logits, i), row(all, ids.size() - keep + i), 1e-4))
            << "position " << i << " of the last " << keep;
      }
    }
    ASSERT_EQ(one.prefill_positions.back(), static_cast<int64_t>(ids.size()) - 1);
    EXPECT_TRUE(
        all_near(one_shot(ids, 1), one.prefill.row(one.prefill.rows() - 1), kLogitTolerance));
  }
}

// Catches an attention that sees too much or too little across a chunk's edge, and rows of the
// sliding caches that are lost when they are moved: chunks below, at and above the window.
TEST_P(GoldenLogits, ChunkedPrompt) {
  const auto window = static_cast<size_t>(model_->text.sliding_window);
  for (const Case& one : golden_.cases) {
    const Tokens ids = narrow(one.input_ids);
    for (size_t chunk : {size_t{1}, size_t{5}, window - 1, window, window + 3, 2 * window + 1}) {
      if (chunk == 1 && ids.size() > 200) continue;  // slow, and nothing new
      SCOPED_TRACE(fmt::format("{}, chunks of {}", one.name, chunk));
      Decoder decoder = new_decoder(ids.size(), chunk);
      EXPECT_TRUE(all_near(take(decoder.prefill(Prompt(ids))),
                           one.prefill.row(one.prefill.rows() - 1), kLogitTolerance));
    }
  }
}

// Catches drift or a wrong position in step-by-step decoding, and any token unlike the reference.
TEST_P(GoldenLogits, StepByStep) {
  for (const Case& one : golden_.cases) {
    SCOPED_TRACE(one.name);
    const Tokens ids = narrow(one.input_ids);
    Decoder decoder = new_decoder(ids.size() + one.tokens.size(), 64);
    auto logits = take(decoder.prefill(Prompt(ids)));
    for (size_t step = 0; step < one.tokens.size(); ++step) {
      ASSERT_EQ(greedy(logits, one, step), one.tokens[step]) << "token " << step;
      const auto token = static_cast<int32_t>(one.tokens[step]);
      logits = take(decoder.step(std::span(&token, 1)));
      const auto found = std::find(one.after.begin(), one.after.end(), step);
      if (found == one.after.end()) continue;
      EXPECT_TRUE(all_near(logits, one.decode.row(found - one.after.begin()), kLogitTolerance))
          << "after token " << step;
    }
  }
}

// Catches scaled soft tokens, per-layer inputs looked up for the placeholder instead of <pad>, and
// features put at the wrong places.
TEST_P(GoldenLogits, SoftTokens) {
  const auto config = take(checkpoint::Checkpoint::open(golden_.checkpoint)).config;
  for (const EmbeddingCase& one : golden_.embedding) {
    SCOPED_TRACE(one.name);
    const Prompt prompt =
        prompt_with(config, one.input_ids, one.image_features.data, one.audio_features.data);
    const Embedded embedded = take(embed(*model_, prompt));
    EXPECT_TRUE(all_near(embedded.inputs_embeds, one.inputs_embeds.data, 1e-5));
    EXPECT_TRUE(all_near(embedded.per_layer_inputs, one.per_layer_inputs.data, 1e-4));
    Decoder decoder = new_decoder(prompt.ids.size(), prompt.ids.size());
    EXPECT_TRUE(all_near(take(decoder.prefill(prompt)), one.last_logits.data, kLogitTolerance));
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, GoldenLogits,
                         testing::Values("tiny", "e4b_like", "no_sharing", "no_ple", "odd_window",
                                         "sharded_untied", "stored_shared_kv", "resaved", "gemma3"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace lapidary::golden
