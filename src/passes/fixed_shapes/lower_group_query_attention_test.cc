// GroupQueryAttention as matrix products: what is left and what is refused. The numbers are tested by
// tests/golden_fixed_decoder_test.cc.
#include "passes/fixed_shapes/lower_group_query_attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(LowerGroupQueryAttention, SharesTheDonorsKeysAndValues) {
  const PassOutcome outcome = checked(lower_group_query_attention(GroupedAttention{}.build()));
  EXPECT_EQ(outcome.rewritten, 2);
  const auto left = ops(outcome.graph);
  EXPECT_THAT(left, Not(Contains("GroupQueryAttention")));
  EXPECT_EQ(std::count(left.begin(), left.end(), "Concat"), 2);
  EXPECT_EQ(std::count(left.begin(), left.end(), "Softmax"), 2);
  EXPECT_EQ(std::count(left.begin(), left.end(), "MatMul"), 4);
  EXPECT_THAT(shape_of(outcome.graph, "present.key"),
              ElementsAre(1, 2, 3, 8));  // the new rows alone
  EXPECT_THAT(shape_of(outcome.graph, "present.value"), ElementsAre(1, 2, 3, 8));
  EXPECT_THAT(shape_of(outcome.graph, "attention_mask.sliding_attention"),
              ElementsAre(1, 1, 3, 18));
  EXPECT_FALSE(outcome.graph.is_input("attention_mask.full_attention"));
  EXPECT_THAT(shape_of(outcome.graph, "y"), ElementsAre(1, 3, 32));
}

TEST(LowerGroupQueryAttention, FullAttentionHasItsOwnMask) {
  const PassOutcome outcome =
      checked(lower_group_query_attention(GroupedAttention{.shared_window = 0}.build()));
  EXPECT_THAT(shape_of(outcome.graph, "attention_mask.sliding_attention"),
              ElementsAre(1, 1, 3, 18));
  EXPECT_THAT(shape_of(outcome.graph, "attention_mask.full_attention"), ElementsAre(1, 1, 3, 18));
}

TEST(LowerGroupQueryAttention, MultipliesByAScale) {
  Graph graph = GroupedAttention{}.build();
  for (auto& node : graph.nodes) {
    if (node.op_type == "GroupQueryAttention") node.attributes.erase("scale");  // 1 / sqrt(8)
  }
  const auto left = ops(checked(lower_group_query_attention(std::move(graph))).graph);
  EXPECT_EQ(std::count(left.begin(), left.end(), "Mul"), 2);
}

// Each would give wrong numbers in silence.
TEST(LowerGroupQueryAttention, RefusesOtherForms) {
  const std::pair<GroupedAttention, const char*> cases[] = {
      {{.batch = 2}, "batch 1"},
      {{.extra = {{"softcap", 50.0F}}}, "'softcap'"},
      {{.extra = {{"do_rotary", int64_t{1}}}}, "'do_rotary'"},
      {{.other_reader = true}, "present.key"}};
  for (const auto& [model, reason] : cases) {
    const auto outcome = lower_group_query_attention(model.build());
    ASSERT_FALSE(outcome.ok()) << reason;
    EXPECT_EQ(outcome.error().kind, ErrorKind::kUnsupported);
    EXPECT_THAT(outcome.error().message(), HasSubstr(reason));
  }
}

}  // namespace
}  // namespace lapidary::passes
