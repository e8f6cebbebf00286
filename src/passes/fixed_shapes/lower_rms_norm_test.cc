// Norms at other ranks: what is left and what is declined. The numbers are tested by
// tests/golden_fixed_decoder_test.cc.
#include "passes/fixed_shapes/lower_rms_norm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "graph/builder.h"
#include "passes/test_graphs.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Attributes;
using graph::Builder;
using graph::Graph;
using graph::Node;
using graph::Ref;
using graph::SymbolicShape;
using target::QuantizationTraits;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A norm over the last axis, of x [1, 5, 4, 8].
Graph norm(const Attributes& attributes, const SymbolicShape& x_shape) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, x_shape);
  const Ref w = b.weight("w", tensor::floats({8}, std::vector<float>(8, 1.0F)));
  b.output("y", b.op("Tanh", {b.op("RMSNormalization", {x, w}, "q_norm", attributes)}),
           DType::kFloat, {});
  return std::move(b).finish();
}

TEST(LowerRmsNorm, NormsAtRankThree) {
  const PassOutcome outcome = checked(
      lower_rms_norm(norm({{"axis", int64_t{3}}, {"epsilon", 1e-6F}}, dims({1, 5, 4, 8})), htp()));
  EXPECT_EQ(outcome.rewritten, 1);
  EXPECT_THAT(ops(outcome.graph), ElementsAre("Reshape", "RMSNormalization", "Reshape", "Tanh"));
  EXPECT_EQ(outcome.graph.nodes[1].name, "q_norm/RMSNormalization");
  EXPECT_THAT(shape_of(outcome.graph, outcome.graph.nodes[1].outputs[0]), ElementsAre(1, 20, 8));
  EXPECT_EQ(outcome.graph.nodes[1].int_attribute("axis", 0), -1);
  EXPECT_THAT(shape_of(outcome.graph, "y"), ElementsAre(1, 5, 4, 8));
}

TEST(LowerRmsNorm, LeavesWhatIsFineAndDeclinesWhatItCannot) {
  const PassOutcome small = checked(lower_rms_norm(norm({}, dims({1, 5, 8})), htp()));
  EXPECT_THAT(ops(small.graph), ElementsAre("RMSNormalization", "Tanh"));
  EXPECT_THAT(small.declined, IsEmpty());
  const PassOutcome wide =
      checked(lower_rms_norm(norm({{"axis", int64_t{2}}}, dims({1, 5, 4, 8})), htp()));
  EXPECT_EQ(wide.rewritten, 0);
  ASSERT_THAT(wide.declined, SizeIs(1));
  EXPECT_EQ(wide.declined[0].node, "q_norm/RMSNormalization");
}

TEST(TargetTraits, NormsHaveAnyRankThatTheTargetTakes) {
  Builder b("g");
  const Ref x =
      b.input("x", DType::kFloat, {int64_t{2}, int64_t{5}, int64_t{3}, int64_t{4}, int64_t{8}});
  const Ref w = b.weight("w", tensor::floats({8}, std::vector<float>(8, 1.0F)));
  b.output("y", b.op("Tanh", {b.op("RMSNormalization", {x, w}, "norm")}), DType::kFloat, {});
  const Graph graph = std::move(b).finish();
  const auto shape_of_norm = [&](std::optional<int64_t> rank) {
    QuantizationTraits traits = invented_target();
    traits.largest_norm_rank = rank;
    const PassOutcome out = lower_rms_norm(graph, traits).value();
    const auto known = graph::infer_shapes(out.graph).value();
    for (const Node& node : out.graph.nodes) {
      if (node.op_type == "RMSNormalization") return known.shapes.at(node.outputs[0]);
    }
    throw std::runtime_error("no norm");
  };
  EXPECT_THAT(shape_of_norm(std::nullopt), ElementsAre(2, 5, 3, 4, 8));
  EXPECT_THAT(shape_of_norm(5), ElementsAre(2, 5, 3, 4, 8));
  EXPECT_THAT(shape_of_norm(4), ElementsAre(2, 5, 12, 8));
  EXPECT_THAT(shape_of_norm(3), ElementsAre(2, 60, 8));
  EXPECT_THAT(shape_of_norm(2), ElementsAre(120, 8));
  QuantizationTraits none = invented_target();
  none.largest_norm_rank = 1;
  EXPECT_FALSE(lower_rms_norm(graph, none).ok());
}

}  // namespace
}  // namespace lapidary::passes
