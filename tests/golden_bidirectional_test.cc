// Image tokens that attend to each other both ways (use_bidirectional_attention "vision") against
// transformers: float32, eager attention.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "built_model.h"
#include "checkpoint/config.h"
#include "contract/ports.h"
#include "golden_check.h"
#include "golden_file.h"

namespace lapidary::golden {
namespace {

namespace ports = contract::ports;
using engine::Prompt;
using ort::Binding;
using ort::input_view;
using runtime::Decoder;

constexpr double kLogitTolerance = 1e-3;
constexpr int64_t kKeepEverything = 100000;

// The decoder graph with caches that grow by a copy at every step, as ONNX Runtime GenAI may run
// it: no shared buffers, no row dropped.
class GraphRun {
 public:
  explicit GraphRun(const BuiltModel& model) : model_(model) {}

  // Positions [begin, end) of the prompt; no types: the input is not fed. keep as logits_to_keep.
  std::vector<float> step(const Embedded& prompt, size_t begin, size_t end,
                          std::span<const int64_t> types, int64_t keep) {
    const auto count = static_cast<int64_t>(end - begin);
    const std::vector<int64_t> mask(end, 1);
    const package::TextModel& text = model_->text;
    Binding binding = take(model_->decoder.bind());
    const auto feed = [&](const char* name, std::span<const float> rows, int64_t width) {
      const size_t row = static_cast<size_t>(width);
      check(binding.input(
          name, input_view(rows.subspan(begin * row, (end - begin) * row), {1, count, width})));
    };
    feed(ports::kInputsEmbeds, prompt.inputs_embeds, text.hidden_size);
    feed(ports::kPerLayerInputs, prompt.per_layer_inputs, text.per_layer_width);
    const auto total = static_cast<int64_t>(end);
    check(binding.input(ports::kAttentionMask, input_view(mask, {1, total})));
    check(binding.input(ports::kLogitsToKeep, input_view(std::span(&keep, 1), {1})));
    if (!types.empty()) {
      check(binding.input(ports::kMmTokenTypeIds,
                          input_view(types.subspan(begin, end - begin), {1, count})));
    }
    const auto present = bind_caches(binding, static_cast<int64_t>(begin), total);
    const int64_t kept = keep > 0 ? keep : count;
    std::vector<float> logits(static_cast<size_t>(kept * text.vocab_size));
    check(
        binding.output(ports::kLogits, {DType::kFloat, logits.data(), {1, kept, text.vocab_size}}));
    check(binding.run());
    past_ = present;
    return logits;
  }

 private:
  using Caches = std::map<std::string, std::vector<float>>;  // by the name of the past input

  static void check(const Status& status) {
    if (!status.ok()) throw std::runtime_error(status.error().message());
  }

  // The outputs; they must not move before the run.
  Caches bind_caches(Binding& binding, int64_t past, int64_t total) {
    Caches present;
    for (const package::CacheSpec& spec : model_->text.caches) {
      const std::pair<std::string, std::string> names[] = {
          {ports::past_key(spec.layer), ports::present_key(spec.layer)},
          {ports::past_value(spec.layer), ports::present_value(spec.layer)}};
      for (const auto& [in, out] : names) {
        check(binding.input(in, input_view(std::span<const float>(past_[in]),
                                           {1, spec.kv_heads, past, spec.head_dim})));
        std::vector<float>& rows = present[in];
        rows.resize(static_cast<size_t>(spec.kv_heads * total * spec.head_dim));
        check(binding.output(
            out, {DType::kFloat, rows.data(), {1, spec.kv_heads, total, spec.head_dim}}));
      }
    }
    return present;
  }

  BuiltModel model_;
  Caches past_;
};

class GoldenBidirectional : public testing::Test {
 protected:
  void SetUp() override {
    golden_ = take(read_golden("bidirectional"));
    config_ = take(checkpoint::Config::load(golden_.checkpoint / "config.json"));
    scratch_ = std::filesystem::path(testing::TempDir()) /
               (std::string("lapidary_bidirectional_") +
                testing::UnitTest::GetInstance()->current_test_info()->name());
    model_ = take(build_model(golden_.checkpoint, scratch_));
  }
  void TearDown() override {
    model_.reset();
    std::filesystem::remove_all(scratch_);
  }

  Prompt prompt(const Case& one) const {
    return prompt_with(config_, one.input_ids, one.image_features.data, {});
  }
  // The whole prompt in one step.
  std::vector<float> one_shot(const Case& one, std::span<const int64_t> types, int64_t keep) const {
    return GraphRun(model_).step(take(embed(*model_, prompt(one))), 0, one.input_ids.size(), types,
                                 keep);
  }
  Decoder new_decoder(size_t max_context, int64_t chunk, int64_t rewind_rows) const {
    return take(Decoder::create(model_, {.max_context = static_cast<int64_t>(max_context),
                                         .chunk = chunk,
                                         .rewind_rows = rewind_rows}));
  }
  std::span<const float> row(std::span<const float> logits, size_t i) const {
    const auto vocab = static_cast<size_t>(model_->text.vocab_size);
    return logits.subspan(i * vocab, vocab);
  }
  static std::span<const float> last(const Case& one) {
    return one.prefill.row(one.prefill.rows() - 1);
  }
  static int64_t longest_image(const Case& one) {
    int64_t longest = 1;
    int64_t run = 0;
    for (const int64_t type : one.token_types) {
      run = type == 0 ? 0 : run + 1;
      longest = std::max(longest, run);
    }
    return longest;
  }
  int64_t greedy(std::span<const float> logits) const {
    std::vector<float> allowed(logits.begin(), logits.end());
    for (const int64_t token : golden_.stop_tokens) {
      allowed[static_cast<size_t>(token)] = -std::numeric_limits<float>::infinity();
    }
    return std::max_element(allowed.begin(), allowed.end()) - allowed.begin();
  }

  GoldenFile golden_;
  checkpoint::Config config_;
  std::filesystem::path scratch_;
  BuiltModel model_;
};

// Without this the other tests might pass with a causal graph.
TEST_F(GoldenBidirectional, CausalLogitsWouldBeSeen) {
  size_t with_images = 0;
  for (const Case& one : golden_.cases) {
    if (one.image_features.data.empty()) continue;
    ++with_images;
    EXPECT_GT(max_difference(last(one), one.causal.row(0)), 1e-2) << one.name;
  }
  EXPECT_EQ(with_images, 6U);
}

// Catches a mask without the block, one that leaves the window out, and blocks that run into each
// other or into text.
TEST_F(GoldenBidirectional, WholePrompt) {
  for (const Case& one : golden_.cases) {
    SCOPED_TRACE(one.name);
    const auto logits = one_shot(one, one.token_types, 0);
    for (size_t i = 0; i < one.prefill_positions.size(); ++i) {
      const auto position = static_cast<size_t>(one.prefill_positions[i]);
      EXPECT_TRUE(all_near(row(logits, position), one.prefill.row(static_cast<int64_t>(i)),
                           kLogitTolerance))
          << "position " << position;
    }
  }
}

// Catches a mask whose rows are not narrowed with the queries.
TEST_F(GoldenBidirectional, LastPositionsOnly) {
  for (const Case& one : golden_.cases) {
    SCOPED_TRACE(one.name);
    const auto all = one_shot(one, one.token_types, 0);
    for (const size_t keep : {size_t{1}, size_t{3}}) {
      const auto logits = one_shot(one, one.token_types, static_cast<int64_t>(keep));
      for (size_t i = 0; i < keep; ++i) {
        EXPECT_TRUE(all_near(row(logits, i), row(all, one.input_ids.size() - keep + i), 1e-4))
            << "position " << i << " of the last " << keep;
      }
    }
  }
}

// Catches a default that is not causal, sound that attends to itself, and video that does not.
TEST_F(GoldenBidirectional, TypesOfOtherMedia) {
  for (const Case& one : golden_.cases) {
    SCOPED_TRACE(one.name);
    const auto with_type = [&](int64_t type) {
      std::vector<int64_t> types = one.token_types;
      for (int64_t& each : types) each *= type;
      return one_shot(one, types, 1);
    };
    EXPECT_TRUE(all_near(one_shot(one, {}, 1), one.causal.row(0), kLogitTolerance));
    EXPECT_TRUE(all_near(with_type(3), one.causal.row(0), kLogitTolerance)) << "audio";
    EXPECT_TRUE(all_near(with_type(2), last(one), kLogitTolerance)) << "video";
  }
}

// Catches blocks placed without regard to the rows before the step.
TEST_F(GoldenBidirectional, StepsBetweenImages) {
  const auto one = std::find_if(golden_.cases.begin(), golden_.cases.end(),
                                [](const Case& each) { return each.name == "two_images"; });
  ASSERT_NE(one, golden_.cases.end());
  const Embedded embedded = take(embed(*model_, prompt(*one)));
  const size_t cuts[] = {0, 1, 14, 20, one->input_ids.size()};
  GraphRun run(model_);
  std::vector<float> logits;
  for (size_t i = 0; i + 1 < std::size(cuts); ++i) {
    logits = run.step(embedded, cuts[i], cuts[i + 1], one->token_types, 1);
  }
  EXPECT_TRUE(all_near(logits, last(*one), kLogitTolerance));
}

// Catches rows beyond the valid ones of a shared buffer that are attended to, and a block or window
// that is off by the rows dropped from the sliding caches.
TEST_F(GoldenBidirectional, ChunkedPrompt) {
  for (const Case& one : golden_.cases) {
    const auto whole = static_cast<int64_t>(one.input_ids.size());
    const int64_t shortest = longest_image(one);
    for (const int64_t rewind_rows : {int64_t{0}, int64_t{5}, kKeepEverything}) {
      for (const int64_t chunk : {shortest, shortest + 3, int64_t{64}, whole}) {
        SCOPED_TRACE(
            fmt::format("{}, chunks of {}, {} rows to go back by", one.name, chunk, rewind_rows));
        Decoder decoder = new_decoder(one.input_ids.size() + 9, chunk, rewind_rows);
        EXPECT_TRUE(all_near(take(decoder.prefill(prompt(one))), last(one), kLogitTolerance));
        const bool drops = one.name == "long" && chunk < 100 && rewind_rows < 100;
        EXPECT_EQ(decoder.sliding_offset() > 0, drops);
      }
    }
  }
}

// Catches single steps that see too much of an image, with and without dropped rows.
TEST_F(GoldenBidirectional, StepByStep) {
  for (const Case& one : golden_.cases) {
    for (const int64_t rewind_rows : {int64_t{0}, kKeepEverything}) {
      SCOPED_TRACE(fmt::format("{}, {} rows to go back by", one.name, rewind_rows));
      Decoder decoder = new_decoder(one.input_ids.size() + one.tokens.size(), 64, rewind_rows);
      auto logits = take(decoder.prefill(prompt(one)));
      for (size_t step = 0; step < one.tokens.size(); ++step) {
        ASSERT_EQ(greedy(logits), one.tokens[step]) << "token " << step;
        const auto token = static_cast<int32_t>(one.tokens[step]);
        logits = take(decoder.step(std::span(&token, 1)));
        const auto found = std::find(one.after.begin(), one.after.end(), step);
        if (found == one.after.end()) continue;
        EXPECT_TRUE(all_near(logits, one.decode.row(found - one.after.begin()), kLogitTolerance))
            << "after token " << step;
      }
    }
  }
}

}  // namespace
}  // namespace lapidary::golden
