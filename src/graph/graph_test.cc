#include "graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "tensor/expressions.h"

namespace lapidary::graph {
namespace {

using ::testing::HasSubstr;

Graph two_products() {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"batch", int64_t{2}});
  Ref y;
  {
    const auto scope = b.enter("model.layers.0");
    const Ref w = b.weight("q_proj.weight", tensor::floats({2, 2}, {1, 2, 3, 4}));
    y = b.op("MatMul", {x, w}, "q_proj");
    y = b.op("MatMul", {y, w}, "q_proj");
  }
  b.output("y", y, DType::kFloat, {"batch", int64_t{2}});
  return std::move(b).finish();
}

// Catches names that lose the module path: reports would no longer match the checkpoint.
TEST(Builder, NamesFollowTheModulePath) {
  const Graph g = two_products();
  ASSERT_EQ(g.nodes.size(), 2u);
  EXPECT_EQ(g.nodes[0].name, "model.layers.0.q_proj/MatMul");
  EXPECT_EQ(g.nodes[0].outputs[0], "model.layers.0.q_proj/MatMul");
  EXPECT_EQ(g.nodes[1].name, "model.layers.0.q_proj/MatMul_1");
  EXPECT_TRUE(g.initializers.contains("model.layers.0.q_proj.weight"));
}

TEST(Builder, OutputsTakeTheirDeclaredName) {
  const Graph g = two_products();
  EXPECT_EQ(g.nodes[1].outputs[0], "y");
  EXPECT_TRUE(check(g).ok());
}

TEST(Builder, EqualConstantsAreShared) {
  Builder b("g");
  EXPECT_EQ(b.constant({1, 2}).name, b.constant({1, 2}).name);
  EXPECT_NE(b.constant_scalar(0.1f).name, b.constant_scalar(0.1000001f).name);
  EXPECT_NE(b.constant_scalar(1.0f).name, b.constant_scalar(int64_t{1}).name);
}

TEST(Builder, OptionalInputsAreNotConstants) {
  Builder b("g");
  b.optional_input("k", {int64_t{1}}, tensor::integers({1}, {0}));
  const Graph g = std::move(b).finish();
  EXPECT_TRUE(g.is_input("k"));
  EXPECT_EQ(g.constant("k"), nullptr);
}

TEST(Check, NamesTheNodeThatReadsNothing) {
  Graph g = two_products();
  g.nodes[0].inputs[0] = "nowhere";
  const Status status = check(g);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("'nowhere'"));
  EXPECT_THAT(status.error().message(), HasSubstr("model.layers.0.q_proj/MatMul"));
}

TEST(Check, RefusesNodesOutOfOrder) {
  Graph g = two_products();
  std::swap(g.nodes[0], g.nodes[1]);
  EXPECT_FALSE(check(g).ok());
}

TEST(Check, RefusesAMissingOutput) {
  Graph g = two_products();
  g.outputs[0].name = "z";
  EXPECT_FALSE(check(g).ok());
}

// Catches dead weights that would be written to the package.
TEST(RemoveUnused, DropsNodesAndWeightsThatReachNoOutput) {
  Graph g = two_products();
  g.initializers["dead"] = tensor::scalar(1.0f);
  Node dead;
  dead.op_type = "Neg";
  dead.name = "dead/Neg";
  dead.inputs = {"x"};
  dead.outputs = {"dead/Neg"};
  g.nodes.push_back(dead);
  EXPECT_EQ(remove_unused(g), 1u);
  EXPECT_EQ(g.initializers.count("dead"), 0u);
  EXPECT_EQ(g.nodes.size(), 2u);
}

TEST(Print, ShowsNodesAndWeightExpressions) {
  const std::string text = print(two_products());
  EXPECT_THAT(text, HasSubstr("y = MatMul(model.layers.0.q_proj/MatMul"));
  EXPECT_THAT(text, HasSubstr("float32[2, 2] = literal<float32>[2, 2]"));
}

}  // namespace
}  // namespace lapidary::graph
