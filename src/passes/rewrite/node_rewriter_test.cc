// NodeRewriter among names that are taken, and bodies that read what is replaced.
#include "passes/rewrite/node_rewriter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/testing/bodies.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Ref;
using ::testing::ElementsAre;

Graph relu() {
  graph::Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{2}});
  b.output("y", b.op("Relu", {x}, "act"), DType::kFloat, {int64_t{2}});
  return std::move(b).finish();
}

// Would catch values of another constant that is called alike.
TEST(NodeRewriter, ConstantsOfTheSameNameAreSharedOnlyWhenTheyAreTheSame) {
  Graph graph = relu();
  graph.initializers["constant.int64_0_0"] = tensor::integers({3}, {7, 8, 9});
  graph.initializers["constant.int64_5"] = tensor::integers({1}, {5});
  NodeRewriter out(std::move(graph));
  EXPECT_EQ(out.integers({0, 0}), "constant.int64_0_0_1");
  EXPECT_EQ(out.integers({0, 0}), "constant.int64_0_0_1");
  EXPECT_EQ(out.integers({5}), "constant.int64_5");
  EXPECT_THAT(out.graph().initializers.at("constant.int64_0_0_1").to_integers().value(),
              ElementsAre(0, 0));
  EXPECT_THAT(out.graph().initializers.at("constant.int64_0_0").to_integers().value(),
              ElementsAre(7, 8, 9));
}

// A default that a caller may override is no constant.
TEST(NodeRewriter, InputsAreNoSharedConstants) {
  Graph graph = relu();
  graph.inputs.push_back({"constant.int64_5", DType::kInt64, {int64_t{1}}});
  graph.initializers["constant.int64_5"] = tensor::integers({1}, {5});
  NodeRewriter out(std::move(graph));
  EXPECT_EQ(out.integers({5}), "constant.int64_5_1");
}

TEST(NodeRewriter, NamesOfBodiesAreTaken) {
  Graph graph = relu();
  Node branch{"", "If", "choice", {"x"}, {"z"}, {}};
  branch.opaque["then_branch"] = graph::body_of("then_branch", {{"Abs", {"x"}, "act/Tanh"}});
  graph.nodes.push_back(branch);
  NodeRewriter out(std::move(graph));
  EXPECT_EQ(out.op("Tanh", {"x"}, "act"), "act/Tanh_1");
}

// The value that becomes an output keeps the name under which a body reads it.
TEST(NodeRewriter, WhatABodyReadsIsNotRenamedIntoAnOutput) {
  Graph graph = relu();
  Node tanh{"", "Tanh", "t", {"x"}, {"t"}, {}};
  Node branch{"", "If", "choice", {"x"}, {"z"}, {}};
  branch.opaque["then_branch"] = graph::body_of("then_branch", {{"Abs", {"t"}, "o"}});
  graph.nodes.insert(graph.nodes.begin(), {tanh, branch});
  graph.outputs.push_back({"z", DType::kFloat, {int64_t{2}}});
  NodeRewriter out(std::move(graph));
  for (Node& node : out.take_nodes()) {
    if (node.op_type == "Relu") {
      out.replace("y", "t");
    } else {
      out.keep(std::move(node));
    }
  }
  const Graph made = std::move(out).finish();
  const Status sound = graph::check(made);
  EXPECT_TRUE(sound.ok()) << sound.error().message();
  EXPECT_THAT(ops(made), ElementsAre("Tanh", "If", "Identity"));
}

}  // namespace
}  // namespace lapidary::passes
