// LoRA adapters that PEFT made, added to the tiny checkpoint, against transformers with the same
// adapters active and not merged: float32, eager attention (tools/adapters/make.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/testing/source_dir.h"
#include "built_model.h"
#include "golden_check.h"
#include "golden_file.h"

namespace lapidary::golden {
namespace {

constexpr double kAdapterLogitTolerance = 1e-3;
constexpr double kMergedTolerance = 1e-6;

class GoldenAdapters : public testing::Test {
 protected:
  void SetUp() override {
    golden_ = take(read_golden("adapters"));
    scratch_ = std::filesystem::path(testing::TempDir()) /
               (std::string("lapidary_adapters_") +
                testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  void TearDown() override { std::filesystem::remove_all(scratch_); }

  static checkpoint::OpenOptions options_of(const Case& one) {
    checkpoint::OpenOptions options;
    for (const GoldenAdapter& adapter : one.adapters) {
      options.adapters.push_back(
          {source_dir() / "tests/golden/adapters" / adapter.name, adapter.weight});
    }
    return options;
  }

  // The best token but the stop tokens, which every golden of adapters masks.
  int64_t best_token(std::span<const float> logits) const {
    std::vector<float> allowed(logits.begin(), logits.end());
    for (const int64_t token : golden_.stop_tokens) {
      allowed[static_cast<size_t>(token)] = -std::numeric_limits<float>::infinity();
    }
    return std::max_element(allowed.begin(), allowed.end()) - allowed.begin();
  }

  GoldenFile golden_;
  std::filesystem::path scratch_;
};

// Catches a scale, a pattern or a weight that is not PEFT's, A and B of another module, a table
// that is scaled twice, and a tied head that follows its table.
TEST_F(GoldenAdapters, LogitsAndTokensAreThoseOfPeft) {
  ASSERT_FALSE(golden_.cases.empty());
  for (const Case& one : golden_.cases) {
    SCOPED_TRACE(one.name);
    const BuiltModel model =
        take(build_model(golden_.checkpoint, scratch_ / one.name, options_of(one)));
    const engine::Prompt prompt(std::vector<int32_t>(one.input_ids.begin(), one.input_ids.end()));
    const size_t length = one.input_ids.size() + one.tokens.size();
    auto decoder = take(runtime::Decoder::create(
        model, {.max_context = static_cast<int64_t>(length), .chunk = 64, .rewind_rows = 0}));
    auto logits = take(decoder.prefill(prompt));
    EXPECT_TRUE(all_near(logits, one.prefill.row(0), kAdapterLogitTolerance));
    for (size_t step = 0; step < one.tokens.size(); ++step) {
      ASSERT_EQ(best_token(logits), one.tokens[step]) << "token " << step;
      const auto token = static_cast<int32_t>(one.tokens[step]);
      logits = take(decoder.step(std::span(&token, 1)));
      const auto found = std::find(one.after.begin(), one.after.end(), step);
      if (found == one.after.end()) continue;
      EXPECT_TRUE(
          all_near(logits, one.decode.row(found - one.after.begin()), kAdapterLogitTolerance))
          << "after token " << step;
    }
  }
}

// Layers of towers as well, which text does not show.
TEST_F(GoldenAdapters, WeightsAreThoseThatPeftMerges) {
  for (const Case& one : golden_.cases) {
    SCOPED_TRACE(one.name);
    const auto opened = take(checkpoint::Checkpoint::open(golden_.checkpoint, options_of(one)));
    ASSERT_FALSE(one.merged.empty());
    for (const WeightRow& golden : one.merged) {
      SCOPED_TRACE(golden.tensor);
      const auto values = take(take(opened.weights.tensor(golden.tensor)).to_floats());
      const size_t width = golden.values.data.size();
      const auto begin = static_cast<size_t>(golden.row) * width;
      ASSERT_LE(begin + width, values.size());
      EXPECT_TRUE(
          all_near(std::span(values).subspan(begin, width), golden.values.data, kMergedTolerance));
    }
  }
}

}  // namespace
}  // namespace lapidary::golden
