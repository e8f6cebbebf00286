// RotaryEmbedding as arithmetic: what is left and what is declined. The numbers are tested by
// tests/golden_fixed_decoder_test.cc.
#include "passes/fixed_shapes/lower_rotary_embedding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "graph/builder.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::Attributes;
using graph::Builder;
using graph::Graph;
using graph::Ref;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// Two rotations of x [1, 5, 32] with 4 heads by one table of `pairs` columns.
Graph rotations(int64_t pairs, const Attributes& attributes) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, dims({1, 5, 32}));
  const Ref cos = b.input("cos", DType::kFloat, dims({1, 5, pairs}));
  const Ref sin = b.input("sin", DType::kFloat, dims({1, 5, pairs}));
  b.output("q", b.op("RotaryEmbedding", {x, cos, sin}, "q_rope", attributes), DType::kFloat, {});
  b.output("k", b.op("RotaryEmbedding", {x, cos, sin}, "k_rope", attributes), DType::kFloat, {});
  return std::move(b).finish();
}

TEST(LowerRotaryEmbedding, RotatesByPlainArithmetic) {
  const PassOutcome outcome =
      checked(lower_rotary_embedding(rotations(4, {{"num_heads", int64_t{4}}})));
  EXPECT_EQ(outcome.rewritten, 2);
  const auto left = ops(outcome.graph);
  EXPECT_THAT(left, Not(Contains("RotaryEmbedding")));
  // Each table is doubled once, each rotation joins its turned halves.
  EXPECT_EQ(std::count(left.begin(), left.end(), "Unsqueeze"), 2);
  EXPECT_EQ(std::count(left.begin(), left.end(), "Concat"), 4);
  EXPECT_THAT(shape_of(outcome.graph, "q"), ElementsAre(1, 5, 32));
}

TEST(LowerRotaryEmbedding, DeclinesOtherRotations) {
  const std::pair<Graph, const char*> cases[] = {
      {rotations(4, {{"num_heads", int64_t{4}}, {"interleaved", int64_t{1}}}), "interleaved"},
      {rotations(2, {{"num_heads", int64_t{4}}}), "whole heads"},
      {rotations(4, {{"num_heads", int64_t{5}}}), "num_heads"}};
  for (const auto& [graph, reason] : cases) {
    const PassOutcome outcome = checked(lower_rotary_embedding(graph));
    EXPECT_THAT(ops(outcome.graph), Each("RotaryEmbedding"));
    ASSERT_THAT(outcome.declined, SizeIs(2));
    EXPECT_THAT(outcome.declined[0].reason, HasSubstr(reason));
  }
}

}  // namespace
}  // namespace lapidary::passes
