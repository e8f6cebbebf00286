// AttentionMaskToSequenceLengths: when the mask goes and when it stays. The result on ONNX Runtime is
// tested in tests/surgeries_test.cc.
#include "passes/surgeries/attention_mask_to_sequence_lengths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Ref;

// Catches a mask that is dropped although something else needs it.
TEST(AttentionMaskToSequenceLengths, OtherReadersOfTheMaskKeepIt) {
  graph::Builder b("g");
  const Ref mask = b.input("attention_mask", DType::kInt64, {"batch", "total"});
  const Ref x = b.input("x", DType::kFloat, {"batch", "n", int64_t{8}});
  const Ref sum = b.op("ReduceSum", {mask, b.constant({1})}, "valid", {{"keepdims", int64_t{0}}});
  const Ref less = b.op("Sub", {sum, b.constant({1})}, "less");
  const Ref rows = b.op("Cast", {less}, "rows", {{"to", int64_t{6}}});
  const Ref length = b.op("Shape", {mask}, "total", {{"start", int64_t{1}}, {"end", int64_t{2}}});
  const Ref total = b.op("Cast", {length}, "total", {{"to", int64_t{6}}});
  const Ref y = b.microsoft_op("GroupQueryAttention", {x, x, x, Ref{}, Ref{}, rows, total}, "attn",
                               {{"num_heads", int64_t{1}}, {"kv_num_heads", int64_t{1}}});
  b.output("y", y, DType::kFloat, {"batch", "n", int64_t{8}});
  const Graph graph = std::move(b).finish();
  const PassOutcome out = attention_mask_to_sequence_lengths(graph);
  EXPECT_EQ(out.rewritten, 2);
  EXPECT_TRUE(out.declined.empty());
  ASSERT_EQ(out.graph.inputs.size(), 3U);
  EXPECT_EQ(out.graph.inputs[1].name, "past_seq_len");
  EXPECT_EQ(graph::to_string(out.graph.inputs[1].shape), "[batch, 1]");
  EXPECT_EQ(out.graph.inputs[2].name, "total_seq_len");
  EXPECT_TRUE(graph::check(out.graph).ok());

  Graph other = graph;
  other.nodes.push_back({"", "Cast", "extra/Cast", {"attention_mask"}, {"extra"}, {}});
  other.outputs.push_back({"extra", DType::kFloat, {"batch", "total"}});
  const PassOutcome kept = attention_mask_to_sequence_lengths(other);
  EXPECT_EQ(kept.rewritten, 0);
  ASSERT_EQ(kept.declined.size(), 1U);
  EXPECT_EQ(kept.declined[0].node, "extra/Cast");
  EXPECT_EQ(kept.graph.inputs[0].name, "attention_mask");
}

}  // namespace
}  // namespace lapidary::passes
