#include "calibration/part_ends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "tensor/expressions.h"

namespace lapidary::calibration {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Ref;
using ::testing::ElementsAre;

// Layers of x = x + relu(x w) with 64 bytes each: nodes 3 n, 3 n + 1, 3 n + 2. Two values cross
// within a layer, one between layers.
Graph layers(int count) {
  Builder b("model");
  Ref x = b.input("x", DType::kFloat, {int64_t{1}, int64_t{4}});
  for (int i = 0; i < count; ++i) {
    const std::string name = "layers." + std::to_string(i);
    const Ref w = b.weight(name + ".w", tensor::floats({4, 4}, std::vector<float>(16, 0.5F)));
    const Ref gate = b.op("Relu", {b.op("MatMul", {x, w}, name + ".linear")}, name + ".gate");
    x = b.op("Add", {x, gate}, name + ".sum");
  }
  b.output("y", x, DType::kFloat, {int64_t{1}, int64_t{4}});
  return std::move(b).finish();
}

std::vector<size_t> ends(const Graph& graph, int64_t most) {
  return part_ends(graph, graph::NodeRanges(graph), most);
}

TEST(PartEnds, WhatFitsIsOnePart) {
  const Graph graph = layers(4);
  EXPECT_THAT(ends(graph, 256), ElementsAre(12U));
  EXPECT_EQ(largest_part_bytes(graph, 256), 256);
}

TEST(PartEnds, PartsEndBetweenLayers) {
  const Graph graph = layers(4);
  EXPECT_THAT(ends(graph, 128), ElementsAre(6U, 12U));
  EXPECT_THAT(ends(graph, 191), ElementsAre(6U, 12U)) << "more than two layers, less than three";
  EXPECT_EQ(largest_part_bytes(graph, 191), 128);
}

// One node is never cut: it is a part however large.
TEST(PartEnds, ANodeWithMoreThanAPartIsAPart) {
  const Graph graph = layers(3);
  EXPECT_THAT(ends(graph, 1), ElementsAre(3U, 6U, 9U));
  EXPECT_EQ(largest_part_bytes(graph, 1), 64);
}

// A soft cap's scalars behind a head that fills a part: the logits would lie on disk.
TEST(PartEnds, ScalarsDoNotBeginAPart) {
  Builder b("model");
  const Ref x = b.input("x", DType::kFloat, {int64_t{1}, int64_t{32}});
  const Ref w = b.weight("w", tensor::floats({32, 64}, std::vector<float>(2048, 0.5F)));
  const Ref logits = b.op("MatMul", {x, w}, "lm_head");
  const Ref capped = b.op("Mul", {logits, b.constant_scalar(30.0F)}, "cap");
  b.output("y", capped, DType::kFloat, {int64_t{1}, int64_t{64}});
  EXPECT_THAT(ends(std::move(b).finish(), 8000), ElementsAre(2U));
}

TEST(PartEnds, AGraphOfNothingIsOnePart) {
  EXPECT_THAT(ends(Graph(), 1), ElementsAre(0U));
  EXPECT_EQ(largest_part_bytes(Graph(), 1), 0);
}

}  // namespace
}  // namespace lapidary::calibration
