// Who reads a value, and values under other names: bodies count.
#include "passes/rewrite/value_edges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/testing/bodies.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::first_inputs;
using graph::Graph;
using graph::Node;
using graph::Ref;
using ::testing::ElementsAre;

// z = If(c): Abs(h), or what stands in a body that has an h of its own.
Graph branching() {
  graph::Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{2}});
  b.input("c", DType::kBool, {});
  b.output("h", b.op("Relu", {x}, "act"), DType::kFloat, {int64_t{2}});
  Graph graph = std::move(b).finish();
  Node branch{"", "If", "choice", {"c"}, {"z"}, {}};
  branch.opaque["then_branch"] = graph::body_of("then_branch", {{"Abs", {"h"}, "o1"}});
  branch.opaque["else_branch"] =
      graph::body_of("else_branch", {{"Neg", {"x"}, "h"}, {"Abs", {"h"}, "o2"}});
  graph.nodes.push_back(branch);
  graph.outputs.push_back({"z", DType::kFloat, {int64_t{2}}});
  return graph;
}

TEST(ValueEdges, BodiesAreReaders) {
  const Graph graph = branching();
  ASSERT_EQ(readers_of(graph, "h").size(), 1U);
  EXPECT_EQ(readers_of(graph, "h")[0]->name, "choice");
  EXPECT_EQ(readers_of(graph, "x").size(), 2U);
  EXPECT_TRUE(is_value_of_body(graph, "o1"));
  EXPECT_FALSE(is_value_of_body(graph, "x"));
}

// Would catch a body that reads a value which is gone, and one whose own value is renamed.
TEST(ValueEdges, RenamingReachesBodiesButNotWhatTheyNameThemselves) {
  Graph graph = branching();
  ASSERT_TRUE(rename_value(graph, "h", "H").ok());
  ASSERT_TRUE(rename_value(graph, "x", "X").ok());
  EXPECT_TRUE(graph::check(graph).ok()) << graph::check(graph).error().message();
  const Node& branch = node_named(graph, "choice");
  EXPECT_THAT(first_inputs(branch.opaque.at("then_branch")), ElementsAre("H"));
  EXPECT_THAT(first_inputs(branch.opaque.at("else_branch")), ElementsAre("X"));
  EXPECT_THAT(branch.opaque.at("else_branch").captures, ElementsAre("X"));
  EXPECT_TRUE(branch.opaque.at("else_branch").values.contains("h"));
}

}  // namespace
}  // namespace lapidary::passes
