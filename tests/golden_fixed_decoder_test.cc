// The decoder's graphs of fixed lengths, lowered to plain operators, against transformers: the same
// logits and greedy tokens, over prompts longer than the sliding window, in several chunks.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "fixed_decoder.h"
#include "golden_check.h"
#include "golden_file.h"
#include "graph/fixed_shapes.h"

namespace lapidary::golden {
namespace {

constexpr double kLogitTolerance = 1e-3;

using Tokens = std::vector<int32_t>;

class GoldenFixedDecoder : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    golden_ = take(read_golden(GetParam()));
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '_');
    scratch_ = std::filesystem::path(testing::TempDir()) / ("lapidary_static_" + name);
    model_ = take(build_model(golden_.checkpoint, scratch_));
  }
  void TearDown() override {
    model_.reset();
    std::filesystem::remove_all(scratch_);
  }

  // Room for `positions` and for the filled-up end of the last chunk.
  FixedDecoder new_decoder(size_t positions, int64_t chunk, bool chunk_logits) const {
    return {take(checkpoint::Checkpoint::open(golden_.checkpoint)),
            model_,
            {.context = static_cast<int64_t>(positions) + chunk,
             .chunk = chunk,
             .chunk_logits = chunk_logits},
            scratch_};
  }
  int64_t window() const { return model_->text.sliding_window; }
  std::span<const float> row(const std::vector<float>& logits, int64_t i) const {
    const auto vocab = static_cast<size_t>(model_->text.vocab_size);
    return std::span(logits).subspan(static_cast<size_t>(i) * vocab, vocab);
  }
  // The best token, stop tokens left out for the first min_tokens.
  int64_t greedy(std::vector<float> logits, const Case& one, size_t step) const {
    if (step < static_cast<size_t>(one.min_tokens)) {
      for (const int64_t token : golden_.stop_tokens) {
        logits[static_cast<size_t>(token)] = -std::numeric_limits<float>::infinity();
      }
    }
    return std::max_element(logits.begin(), logits.end()) - logits.begin();
  }

  GoldenFile golden_;
  std::filesystem::path scratch_;
  BuiltModel model_;
};

// Catches a wrong mask or past length, heads grouped with the wrong keys, and a chunk's graph that
// ends too early: what it leaves in the caches is all that the token's graph knows of the prompt.
TEST_P(GoldenFixedDecoder, ChunksThenTokens) {
  bool beyond_window = false;
  for (const Case& one : golden_.cases) {
    for (const int64_t chunk : {int64_t{5}, window() + 3}) {
      SCOPED_TRACE(fmt::format("{}, chunks of {}", one.name, chunk));
      const Tokens ids(one.input_ids.begin(), one.input_ids.end());
      beyond_window |= static_cast<int64_t>(ids.size()) > window() + chunk;
      FixedDecoder decoder = new_decoder(ids.size() + one.tokens.size(), chunk, false);
      EXPECT_TRUE(decoder.prefill(std::span(ids).first(ids.size() - 1)).empty());
      std::vector<float> logits = decoder.step(ids.back());
      EXPECT_TRUE(all_near(logits, one.prefill.row(one.prefill.rows() - 1), kLogitTolerance));
      for (size_t step = 0; step < one.tokens.size(); ++step) {
        ASSERT_EQ(greedy(logits, one, step), one.tokens[step]) << "token " << step;
        logits = decoder.step(static_cast<int32_t>(one.tokens[step]));
        const auto found = std::find(one.after.begin(), one.after.end(), step);
        if (found == one.after.end()) continue;
        EXPECT_TRUE(all_near(logits, one.decode.row(found - one.after.begin()), kLogitTolerance))
            << "after token " << step;
      }
    }
  }
  EXPECT_TRUE(beyond_window) << "no prompt is long enough to leave the window";
}

// Catches a row of a chunk that sees a later one or the filler at the chunk's end.
TEST_P(GoldenFixedDecoder, LogitsOfAChunksEveryToken) {
  for (const Case& one : golden_.cases) {
    SCOPED_TRACE(one.name);
    const Tokens ids(one.input_ids.begin(), one.input_ids.end());
    FixedDecoder decoder = new_decoder(ids.size(), 16, true);
    const std::vector<float> logits = decoder.prefill(ids);
    for (size_t i = 0; i < one.prefill_positions.size(); ++i) {
      EXPECT_TRUE(all_near(row(logits, one.prefill_positions[i]),
                           one.prefill.row(static_cast<int64_t>(i)), kLogitTolerance))
          << "position " << one.prefill_positions[i];
    }
  }
}

// Catches operators that an NPU's compiler refuses or computes wrong, and dims left open.
TEST_P(GoldenFixedDecoder, OnlyPlainOperatorsOfFixedShapeAreLeft) {
  const auto source = take(checkpoint::Checkpoint::open(golden_.checkpoint));
  for (const bool logits : {false, true}) {
    const graph::Graph graph =
        fixed_decoder_graph(source, {.context_length = 64, .sequence_length = 8, .logits = logits});
    const std::set<std::string> allowed = {
        "Add",     "Concat", "Div",     "Gelu", "MatMul",    "Mul",      "Neg", "RMSNormalization",
        "Reshape", "Slice",  "Softmax", "Tanh", "Transpose", "Unsqueeze"};
    const auto shapes = take(graph::infer_shapes(graph)).shapes;
    for (const graph::Node& node : graph.nodes) {
      EXPECT_TRUE(allowed.contains(node.qualified_op())) << node.name;
      if (node.op_type != "RMSNormalization") continue;
      EXPECT_LE(shapes.at(node.outputs[0]).size(), 3U) << node.name;
    }
    EXPECT_EQ(graph.is_output("logits"), logits);
    // Past the last donor's keys and values nothing is left.
    const bool has_head = graph.initializers.contains("lm_head.weight") ||
                          graph.initializers.contains("model.language_model.lm_head.weight");
    EXPECT_EQ(has_head, logits);
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, GoldenFixedDecoder,
                         testing::Values("tiny", "e4b_like", "no_sharing", "no_ple", "odd_window"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace lapidary::golden
