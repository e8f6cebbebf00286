#include "probe/node_units.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "tensor/expressions.h"

namespace lapidary::probe {
namespace {

using graph::Graph;
using ::testing::ElementsAre;
using ::testing::SizeIs;

// x -> Q -> DQ -> MatMul(w <- DQ(scale <- DQ)) -> Q -> DQ -> y
Graph quantized_product() {
  Graph graph;
  graph.opsets = {{"", 23}};
  graph.inputs = {{"x", DType::kFloat, {int64_t{1}, int64_t{2}}}};
  graph.outputs = {{"y", DType::kFloat, {int64_t{1}, int64_t{2}}}};
  for (const char* name : {"s", "w", "block", "wide"})
    graph.initializers[name] = tensor::scalar(1.0f);
  const auto node = [&graph](const char* op, const char* name, std::vector<std::string> inputs,
                             const char* output) {
    graph.nodes.push_back({"", op, name, std::move(inputs), {output}, {}});
  };
  node("QuantizeLinear", "q_x", {"x", "s"}, "xq");
  node("DequantizeLinear", "dq_x", {"xq", "s"}, "xd");
  node("DequantizeLinear", "dq_s", {"block", "wide"}, "ws");
  node("DequantizeLinear", "dq_w", {"w", "ws"}, "wd");
  node("MatMul", "mm", {"xd", "wd"}, "yd");
  node("QuantizeLinear", "q_y", {"yd", "s"}, "yq");
  node("DequantizeLinear", "dq_y", {"yq", "s"}, "y");
  return graph;
}

TEST(NodeUnits, AProductTakesItsDequantizersAndItsQuantizerWithIt) {
  const Graph graph = quantized_product();
  const auto units = node_units(graph);
  ASSERT_THAT(units, SizeIs(1));
  EXPECT_THAT(units[0].members, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(units[0].node, 4u);
  EXPECT_THAT(units[0].inputs, ElementsAre("xq"));
  EXPECT_THAT(units[0].outputs, ElementsAre("yq"));
}

TEST(NodeUnits, AChangeOfEncodingIsAPieceOfItsOwn) {
  Graph graph = quantized_product();
  graph.nodes.insert(graph.nodes.begin() + 2,
                     {"", "QuantizeLinear", "again", {"xd", "s"}, {"xr"}, {}});
  graph.outputs.push_back({"xr", DType::kUint8, {}});
  const auto units = node_units(graph);
  ASSERT_THAT(units, SizeIs(2));
  EXPECT_THAT(units[0].members, ElementsAre(1, 2));
  EXPECT_THAT(units[0].inputs, ElementsAre("xq"));
  EXPECT_THAT(units[0].outputs, ElementsAre("xr"));
}

// Catches a cut that a quantized value's second reader would break.
TEST(NodeUnits, AResultThatSomebodyElseReadsIsNotQuantizedAway) {
  Graph graph = quantized_product();
  graph.nodes.push_back({"", "Tanh", "reader", {"yd"}, {"t"}, {}});
  graph.outputs.push_back({"t", DType::kFloat, {}});
  const auto units = node_units(graph);
  ASSERT_THAT(units, SizeIs(2));
  EXPECT_THAT(units[0].outputs, ElementsAre("yd"));
}

TEST(NodeUnits, WhatOnlyConstantsReachAndWhatNobodyReadsAreLeftOut) {
  Graph graph;
  graph.inputs = {{"x", DType::kFloat, {int64_t{2}}}};
  graph.outputs = {{"y", DType::kFloat, {int64_t{2}}}};
  graph.initializers["c"] = tensor::floats({2}, {1, 2});
  graph.nodes.push_back({"", "Tanh", "constant", {"c"}, {"d"}, {}});
  graph.nodes.push_back({"", "Tanh", "unread", {"x"}, {"z"}, {}});
  graph.nodes.push_back({"", "Add", "add", {"x", "d"}, {"y"}, {}});
  const auto units = node_units(graph);
  ASSERT_THAT(units, SizeIs(1));
  EXPECT_THAT(units[0].inputs, ElementsAre("x", "d"));
}

TEST(NodeUnits, ACutIsAModelOfItsOwn) {
  const Graph graph = quantized_product();
  const ValueTypes types = {{"xq", {DType::kUint16, {1, 2}}}, {"yq", {DType::kUint16, {1, 2}}}};
  const Graph part = cut(graph, node_units(graph)[0], types);
  EXPECT_TRUE(check(part).ok()) << check(part).error().message();
  EXPECT_EQ(part.initializers.size(), 4u);
  EXPECT_EQ(part.inputs[0].dtype, DType::kUint16);
}

TEST(NodeUnits, KeysTellShapesAttributesAndSmallConstantsApartButNotWeightsOrNames) {
  const auto key = [](int64_t axis, int64_t value, int64_t dim, float weight) {
    Graph graph;
    graph.inputs = {{"x", DType::kFloat, {dim}}};
    graph.outputs = {{"y", DType::kFloat, {dim}}};
    graph.initializers["i"] = tensor::integers({1}, {value});
    graph.initializers["w"] = tensor::floats({100}, std::vector<float>(100, weight));
    graph.nodes.push_back(
        {"", "Op", fmt::format("n{}", weight), {"x", "i", "w"}, {"y"}, {{"axis", axis}}});
    return *unit_key(graph, node_units(graph)[0], {{"x", {DType::kFloat, {dim}}}});
  };
  EXPECT_EQ(key(1, 2, 3, 4), key(1, 2, 3, 5));
  EXPECT_NE(key(1, 2, 3, 4), key(2, 2, 3, 4));
  EXPECT_NE(key(1, 2, 3, 4), key(1, 3, 3, 4));
  EXPECT_NE(key(1, 2, 3, 4), key(1, 2, 4, 4));
}

// x -> DQ(zero) -> Reshape -> Q(zero of the result)
std::string key_of_a_reshape(uint16_t zero, uint16_t result_zero, float scale = 1) {
  Graph graph;
  graph.inputs = {{"x", DType::kUint16, {int64_t{2}}}};
  graph.outputs = {{"y", DType::kUint16, {int64_t{2}}}};
  graph.initializers["s"] = tensor::scalar(scale);
  graph.initializers["shape"] = tensor::integers({1}, {2});
  const auto zero_point = [&graph](const char* name, uint16_t value) {
    std::vector<std::byte> bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    graph.initializers[name] = tensor::literal({DType::kUint16, {}}, std::move(bytes));
  };
  zero_point("z", zero);
  zero_point("r", result_zero);
  graph.nodes.push_back({"", "DequantizeLinear", "dq", {"x", "s", "z"}, {"xf"}, {}});
  graph.nodes.push_back({"", "Reshape", "reshape", {"xf", "shape"}, {"yf"}, {}});
  graph.nodes.push_back({"", "QuantizeLinear", "q", {"yf", "s", "r"}, {"y"}, {}});
  return *unit_key(graph, node_units(graph)[0], {{"x", {DType::kUint16, {2}}}});
}

// By value each node of a calibrated graph would be distinct, and each be probed.
TEST(NodeUnits, KeysTellZeroPointsApartByClass) {
  EXPECT_EQ(key_of_a_reshape(30000, 30000), key_of_a_reshape(31234, 31234));
  EXPECT_EQ(key_of_a_reshape(30000, 30000), key_of_a_reshape(30000, 30000, 0.5F));
  std::set<std::string> keys;
  for (const int zero : {0, 30000, 32768, 65535}) {
    const auto code = static_cast<uint16_t>(zero);
    keys.insert(key_of_a_reshape(code, code));
  }
  EXPECT_THAT(keys, SizeIs(4));
}

// Catches a mover of codes that stands for one that has to requantize.
TEST(NodeUnits, KeysTellOneEncodingFromTwo) {
  EXPECT_NE(key_of_a_reshape(30000, 30000), key_of_a_reshape(30000, 31234));
}

// x -> MatMul(w <- DQ of int4 with these scales)
std::string key_of_a_product(const std::vector<float>& scales, bool in_blocks = false) {
  const auto n = static_cast<int64_t>(scales.size());
  Graph graph;
  graph.inputs = {{"x", DType::kFloat, {int64_t{1}, int64_t{4}}}};
  graph.outputs = {{"y", DType::kFloat, {int64_t{1}, n}}};
  const size_t bytes = static_cast<size_t>(2 * n);
  graph.initializers["w"] = tensor::literal({DType::kInt4, {4, n}}, std::vector<std::byte>(bytes));
  graph.initializers["s"] =
      tensor::floats(in_blocks ? tensor::Shape{1, n} : tensor::Shape{n}, scales);
  graph.nodes.push_back({"", "DequantizeLinear", "dq", {"w", "s"}, {"wf"}, {}});
  graph.nodes.push_back({"", "MatMul", "mm", {"x", "wf"}, {"y"}, {}});
  return *unit_key(graph, node_units(graph)[0], {{"x", {DType::kFloat, {1, 4}}}});
}

// The HTP computes negative scales wrong, but of blocks: a verdict on a weight without them must
// not be taken for one on a weight with them.
TEST(NodeUnits, KeysTellNegativeScalesApart) {
  EXPECT_EQ(key_of_a_product({1, 2, 3}), key_of_a_product({4, 5, 6}));
  EXPECT_NE(key_of_a_product({1, 2, 3}), key_of_a_product({1, -2, 3}));
  EXPECT_NE(key_of_a_reshape(30000, 30000, 1), key_of_a_reshape(30000, 30000, -1));
  EXPECT_EQ(key_of_a_product({-1, 2, 3}), key_of_a_product({1, -2, -3}));
  EXPECT_EQ(key_of_a_product({1, 2, 3}, true), key_of_a_product({1, -2, 3}, true));
}

}  // namespace
}  // namespace lapidary::probe
