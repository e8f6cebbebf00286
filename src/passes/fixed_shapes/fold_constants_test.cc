// What becomes a constant, and with which values.
#include "passes/fixed_shapes/fold_constants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Attributes;
using graph::Builder;
using graph::DType;
using graph::Ref;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

Attributes to(DType dtype) { return {{"to", static_cast<int64_t>(dtype)}}; }

PassOutcome fold(Builder& b) {
  auto outcome = fold_constants(std::move(b).finish());
  if (!outcome.ok()) throw std::runtime_error(outcome.error().message());
  EXPECT_TRUE(graph::check(outcome->graph).ok()) << graph::print(outcome->graph);
  return std::move(*outcome);
}

// Positions as our builders write them: none of it is work for the run.
TEST(FoldConstants, PositionsFromShapes) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{3}, int64_t{2}});
  const Ref rows = b.op("Shape", {x}, "rows", {{"start", int64_t{0}}, {"end", int64_t{1}}});
  const Ref range = b.op("Range", {b.constant_scalar(int64_t{0}), b.op("Squeeze", {rows}),
                                   b.constant_scalar(int64_t{1})});
  const Ref column = b.op("Unsqueeze", {range, b.constant({1})});
  const Ref floats = b.op("Cast", {column}, "float", to(DType::kFloat));
  const Ref narrow = b.op("Cast", {b.op("Neg", {range})}, "int32", to(DType::kInt32));
  b.output("y", b.op("Add", {x, floats}), DType::kFloat, {});
  b.output("z", b.op("Gather", {x, narrow}), DType::kFloat, {});
  const PassOutcome outcome = fold(b);
  ASSERT_THAT(outcome.graph.nodes, SizeIs(2));
  const auto& add = outcome.graph.nodes[0];
  const auto& positions = outcome.graph.initializers.at(add.inputs[1]);
  EXPECT_THAT(positions.to_floats().value(), ElementsAre(0.0F, 1.0F, 2.0F));
  EXPECT_THAT(positions.shape(), ElementsAre(3, 1));
  const auto& indices = outcome.graph.initializers.at(outcome.graph.nodes[1].inputs[1]);
  EXPECT_EQ(indices.dtype(), DType::kInt32);
  EXPECT_THAT(indices.to_integers().value(), ElementsAre(0, -1, -2));
}

TEST(FoldConstants, FilledTensorsUpToALimit) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{2}});
  const Ref ones =
      b.op("ConstantOfShape", {b.constant({2})}, "ones", {{"value", tensor::floats({1}, {1.0F})}});
  const Ref zeros = b.op("ConstantOfShape", {b.constant({2})}, "zeros");
  const Ref many = b.op("ConstantOfShape", {b.constant({1000000, 2})}, "many");
  b.output("y", b.op("Add", {b.op("Add", {x, ones}), zeros}), DType::kFloat, {});
  b.output("large", b.op("Add", {x, many}), DType::kFloat, {});
  const PassOutcome outcome = fold(b);
  EXPECT_EQ(outcome.rewritten, 2);
  EXPECT_THAT(outcome.graph.initializers.at(ones.name).to_floats().value(), Each(1.0F));
  EXPECT_THAT(outcome.graph.initializers.at(zeros.name).to_floats().value(), Each(0.0F));
  EXPECT_FALSE(outcome.graph.initializers.contains(many.name));
}

// An output must come from a node for some runtimes.
TEST(FoldConstants, DeclinesOutputs) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{2}});
  b.output("shape", b.op("Shape", {x}, "at"), DType::kInt64, {});
  const PassOutcome outcome = fold(b);
  EXPECT_EQ(outcome.rewritten, 0);
  ASSERT_THAT(outcome.declined, SizeIs(1));
  EXPECT_EQ(outcome.declined[0].node, "at/Shape");
}

}  // namespace
}  // namespace lapidary::passes
