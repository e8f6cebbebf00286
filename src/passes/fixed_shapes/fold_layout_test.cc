// Moves that cancel out. That what is left computes the same is shown by
// tests/golden_fixed_decoder_test.cc.
#include "passes/fixed_shapes/fold_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "graph/builder.h"
#include "graph/fixed_shapes.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Ref;
using ::testing::ElementsAre;

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

Graph folded(Builder& b) { return checked(fold_layout(std::move(b).finish())).graph; }

Ref transpose(Builder& b, const Ref& x, std::vector<int64_t> perm) {
  return b.op("Transpose", {x}, "", {{"perm", std::move(perm)}});
}

TEST(FoldLayout, JoinsReshapesAndDropsThoseThatComeBack) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{2}, int64_t{12}});
  const Ref once = b.op("Reshape", {x, b.constant({0, 3, 4})});
  const Ref twice =
      b.op("Reshape", {once, b.constant({0, -1, 2})});  // 0 and -1 mean dims of `once`
  const Ref back = b.op("Reshape", {twice, b.constant({2, 12})});
  b.output("y", b.op("Tanh", {twice}), DType::kFloat, {});
  b.output("z", b.op("Tanh", {back}), DType::kFloat, {});
  const Graph graph = folded(b);
  EXPECT_THAT(ops(graph), ElementsAre("Reshape", "Tanh", "Tanh"));
  EXPECT_EQ(graph.nodes[0].inputs[0], "x");
  EXPECT_EQ(graph.nodes[2].inputs[0], "x");
  EXPECT_THAT(graph::infer_shapes(graph)->shapes.at("y"), ElementsAre(2, 6, 2));
}

TEST(FoldLayout, JoinsTransposes) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{2}, int64_t{3}, int64_t{4}});
  const Ref there = transpose(b, x, {1, 2, 0});  // [3, 4, 2]
  b.output("y", b.op("Tanh", {transpose(b, there, {2, 0, 1})}), DType::kFloat, {});
  b.output("z", b.op("Tanh", {transpose(b, there, {1, 0, 2})}), DType::kFloat, {});
  const Graph graph = folded(b);
  EXPECT_THAT(ops(graph), ElementsAre("Tanh", "Transpose", "Tanh"));
  EXPECT_THAT(graph::infer_shapes(graph)->shapes.at("y"), ElementsAre(2, 3, 4));
  EXPECT_THAT(graph::infer_shapes(graph)->shapes.at("z"), ElementsAre(4, 3, 2));
}

TEST(FoldLayout, DropsSlicesOfTheWholeOnly) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{4}});
  const auto slice = [&](int64_t start, int64_t end, int64_t step) {
    return b.op("Slice",
                {x, b.constant({start}), b.constant({end}), b.constant({0}), b.constant({step})});
  };
  b.output("whole", b.op("Tanh", {slice(0, kEnd, 1)}), DType::kFloat, {});
  b.output("reversed", b.op("Tanh", {slice(-1, -kEnd, -1)}), DType::kFloat, {});
  b.output("part", b.op("Tanh", {slice(1, kEnd, 1)}), DType::kFloat, {});
  EXPECT_THAT(ops(folded(b)), ElementsAre("Tanh", "Slice", "Tanh", "Slice", "Tanh"));
}

// The name of an output belongs to the caller.
TEST(FoldLayout, OutputsKeepTheirNames) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{4}});
  const Ref y = b.op("Tanh", {x}, "act");
  b.output("y", b.op("Reshape", {y, b.constant({4})}), DType::kFloat, {int64_t{4}});
  b.output("same", b.op("Identity", {x}), DType::kFloat, {int64_t{4}});
  const Graph graph = folded(b);
  EXPECT_THAT(ops(graph), ElementsAre("Tanh", "Identity"));
  EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("y"));
  EXPECT_EQ(graph.nodes[0].name, "act/Tanh");
  EXPECT_THAT(graph.nodes[1].outputs, ElementsAre("same"));
}

}  // namespace
}  // namespace lapidary::passes
