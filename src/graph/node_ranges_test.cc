#include "graph/node_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "tensor/expressions.h"

namespace lapidary::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> names(const std::vector<ValueInfo>& values) {
  std::vector<std::string> out;
  for (const ValueInfo& each : values) out.push_back(each.name);
  return out;
}

std::vector<std::string> outputs_of(const Graph& graph) {
  std::vector<std::string> out;
  for (const Node& node : graph.nodes) out.push_back(node.outputs.front());
  return out;
}

// 0: t = transpose(w)   1: a = x t   2: b = a + x   3: c = b t   4: y = c + a
class Ranges : public testing::Test {
 protected:
  Ranges() {
    Builder b("model");
    const Ref x = b.input("x", DType::kFloat, {int64_t{2}, int64_t{2}});
    const Ref w = b.weight("w", tensor::floats({2, 2}, {1, 2, 3, 4}));
    const Ref t = b.op("Transpose", {w}, "t");
    const Ref a = b.op("MatMul", {x, t}, "a");
    const Ref sum = b.op("Add", {a, x}, "b");
    const Ref c = b.op("MatMul", {sum, t}, "c");
    b.output("y", b.op("Add", {c, a}, "y"), DType::kFloat, {int64_t{2}, int64_t{2}});
    graph_ = std::move(b).finish();
  }

  Graph cut(size_t begin, size_t end) const {
    return NodeRanges(graph_).cut(begin, end, [](const std::string& value) {
      return ValueInfo{value, DType::kFloat, {int64_t{2}, int64_t{2}}};
    });
  }

  Graph graph_;
};

// A weight in another layout, made anew in each range that reads it, is not handed on.
TEST_F(Ranges, WhatOnlyConstantsReachComesAlong) {
  const NodeRanges ranges(graph_);
  EXPECT_TRUE(ranges.is_constant(0));
  EXPECT_FALSE(ranges.is_constant(1));
  EXPECT_EQ(ranges.constant_bytes(1), 16);
  EXPECT_EQ(ranges.constant_bytes(2), 0);
  EXPECT_THAT(ranges.constants(3), ElementsAre("w"));
  const Graph second = cut(2, 5);
  EXPECT_THAT(outputs_of(second), ElementsAre("t/Transpose", "b/Add", "c/MatMul", "y"));
  EXPECT_EQ(second.initializers.size(), 1U);
}

TEST_F(Ranges, OutputsOfOneAreInputsOfTheNext) {
  const Graph first = cut(0, 3);
  EXPECT_THAT(names(first.inputs), ElementsAre("x"));
  EXPECT_THAT(names(first.outputs), ElementsAre("a/MatMul", "b/Add"));
  const Graph second = cut(3, 5);
  EXPECT_THAT(names(second.inputs), ElementsAre("b/Add", "a/MatMul"));
  EXPECT_THAT(names(second.outputs), ElementsAre("y"));
}

// What passes over a range without being read in it.
TEST_F(Ranges, ValuesAreNeededUntilTheirLastReader) {
  const NodeRanges ranges(graph_);
  EXPECT_TRUE(ranges.is_needed_from("a/MatMul", 4));
  EXPECT_FALSE(ranges.is_needed_from("a/MatMul", 5));
  EXPECT_FALSE(ranges.is_needed_from("b/Add", 4));
  EXPECT_TRUE(ranges.is_needed_from("y", 5)) << "an output of the graph";
  EXPECT_THAT(ranges.crossing_values(), ElementsAre(0U, 0U, 1U, 2U, 2U, 1U));
  EXPECT_THAT(names(cut(3, 4).outputs), ElementsAre("c/MatMul"));
}

TEST_F(Ranges, AChosenValueIsAnOutputToo) {
  const Graph chosen = NodeRanges(graph_).cut(
      1, 2,
      [](const std::string& value) {
        return ValueInfo{value, DType::kFloat, {}};
      },
      [](const std::string& value) { return value == "t/Transpose"; });
  EXPECT_THAT(names(chosen.outputs), UnorderedElementsAre("t/Transpose", "a/MatMul"));
}

TEST_F(Ranges, AnEmptyRangeIsAnEmptyGraph) {
  EXPECT_THAT(cut(2, 2).nodes, IsEmpty());
  EXPECT_THAT(cut(0, 1).nodes, IsEmpty()) << "constants alone";
}

}  // namespace
}  // namespace lapidary::graph
