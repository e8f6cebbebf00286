// Raising an opset: each node computes what it computed, or is refused by name. That ONNX Runtime
// agrees was tried on single nodes; the table is held against ONNX by
// tools/check_operator_tables.py.
#include "passes/rewrite/raise_opset.h"

#include <gmock/gmock.h>

#include "graph/functions.h"
#include "graph/testing/bodies.h"
#include "passes/rewrite/opset_changes.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Graph model_of(int64_t opset, Node node) {
  Graph graph;
  graph.name = "g";
  graph.opsets = {{"", opset}};
  graph.inputs = {{"x", DType::kFloat, {int64_t{2}}}, {"k", DType::kInt32, {int64_t{2}}}};
  graph.outputs = {{"y", DType::kFloat, {}}};
  graph.nodes.push_back(std::move(node));
  return graph;
}

Node node_of(const std::string& op, graph::Attributes attributes = {},
             std::vector<std::string> inputs = {"x"}, std::vector<std::string> outputs = {"y"}) {
  return {"", op, "n", std::move(inputs), std::move(outputs), std::move(attributes)};
}

Graph raised(Graph graph) {
  const Status status = raise_opset(graph, 21);
  EXPECT_TRUE(status.ok()) << status.error().message();
  EXPECT_EQ(graph.opsets.at(""), 21);
  return graph;
}

std::string refusal(Graph graph) {
  const Status status = raise_opset(graph, 21);
  if (status.ok()) return "";
  EXPECT_EQ(status.error().kind, ErrorKind::kUnsupported);
  return status.error().message();
}

std::string text_of(const Node& node, const std::string& key) {
  const auto it = node.attributes.find(key);
  return it == node.attributes.end() ? "" : std::get<std::string>(it->second);
}

// Would catch other numbers: the default is not the old one.
TEST(RaiseOpset, RoiAlignKeepsItsCoordinates) {
  const std::string key = "coordinate_transformation_mode";
  EXPECT_EQ(text_of(raised(model_of(13, node_of("RoiAlign"))).nodes[0], key), "output_half_pixel");
  EXPECT_EQ(text_of(raised(model_of(16, node_of("RoiAlign"))).nodes[0], key), "");
}

TEST(RaiseOpset, GridSamplesModesGetTheirNewNames) {
  for (const auto& [before, after] :
       {std::pair{"bilinear", "linear"}, {"bicubic", "cubic"}, {"nearest", "nearest"}}) {
    const Node node = node_of("GridSample", {{"mode", std::string(before)}});
    EXPECT_EQ(text_of(raised(model_of(16, node)).nodes[0], "mode"), after);
  }
  EXPECT_EQ(text_of(raised(model_of(16, node_of("GridSample"))).nodes[0], "mode"), "");
}

// The default was 1 and is -2.
TEST(RaiseOpset, TheAxisOfDftBecomesAnInput) {
  for (const int64_t axis : {1, 2}) {
    const graph::Attributes attributes =
        axis == 1 ? graph::Attributes{} : graph::Attributes{{"axis", axis}};
    const Graph graph = raised(model_of(17, node_of("DFT", attributes)));
    ASSERT_THAT(graph.nodes[0].inputs, ElementsAre("x", "", "n.axis"));
    EXPECT_TRUE(graph.nodes[0].attributes.empty());
    EXPECT_THAT(graph.initializers.at("n.axis").to_integers().value(), ElementsAre(axis));
    EXPECT_TRUE(graph.initializers.at("n.axis").shape().empty());
  }
}

TEST(RaiseOpset, AxesOfReductionsBecomeAnInputUnderAFreeName) {
  Graph graph = model_of(13, node_of("ReduceMean", {{"axes", std::vector<int64_t>{-1}}}));
  graph.nodes.push_back(node_of("Abs", {}, {"x"}, {"n.axes"}));
  graph.nodes.back().name = "other";
  graph = raised(std::move(graph));
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x", "n.axes_1"));
  EXPECT_THAT(graph.initializers.at("n.axes_1").to_integers().value(), ElementsAre(-1));
}

TEST(RaiseOpset, TheIrVersionOfAFileFollows) {
  Graph graph = model_of(17, node_of("Relu"));
  EXPECT_EQ(raised(graph).ir_version, 0);
  graph.ir_version = 8;
  EXPECT_EQ(raised(graph).ir_version, 10);
  graph.ir_version = 12;
  EXPECT_EQ(raised(graph).ir_version, 12);
  graph.ir_version = 8;
  graph.opsets[""] = 21;  // what a file says of itself is not ours to mend
  EXPECT_EQ(raised(graph).ir_version, 8);
}

TEST(RaiseOpset, SplitWithoutSizesSaysHowMany) {
  const Graph graph = raised(model_of(13, node_of("Split", {}, {"x"}, {"y", "z"})));
  EXPECT_EQ(graph.nodes[0].int_attribute("num_outputs", 0), 2);
}

TEST(RaiseOpset, WhatHasNoEqualIsRefusedByName) {
  EXPECT_THAT(refusal(model_of(20, node_of("GroupNormalization"))),
              AllOf(HasSubstr("n: "), HasSubstr("GroupNormalization of opset 20")));
  EXPECT_THAT(refusal(model_of(13, node_of("BatchNormalization", {}, {"x"}, {"y", "mean"}))),
              HasSubstr("BatchNormalization"));
  EXPECT_EQ(refusal(model_of(13, node_of("BatchNormalization"))), "");
  EXPECT_THAT(refusal(model_of(13, node_of("QuantizeLinear", {}, {"k", "x"}))),
              HasSubstr("QuantizeLinear"));
  EXPECT_EQ(refusal(model_of(13, node_of("QuantizeLinear", {}, {"x", "x"}))), "");
  EXPECT_THAT(refusal(model_of(12, node_of("Relu"))), HasSubstr("can start from 13"));
}

// Would catch a body that nobody looks into; what cannot be rewritten there is refused.
TEST(RaiseOpset, BodiesAreLookedInto) {
  const auto with_body = [](const std::string& op) {
    Node node = node_of("If");
    node.opaque["then_branch"] = graph::body_of("then_branch", {{op, {"x"}, "z"}});
    return model_of(13, node);
  };
  for (const char* op : {"RoiAlign", "GridSample", "DFT", "ReduceMax", "GroupNormalization"}) {
    EXPECT_THAT(refusal(with_body(op)),
                AllOf(HasSubstr("'then_branch'"), HasSubstr(op), HasSubstr("n: ")));
  }
  for (const char* op : {"Relu", "Resize", "QuantizeLinear"}) {
    EXPECT_EQ(refusal(with_body(op)), "") << op;
  }
}

// Would catch functions of the old opset in a model of the new one, which the checker refuses.
TEST(RaiseOpset, FunctionsAreRaisedToo) {
  const auto with_function = [](int64_t opset, const std::string& op) {
    Graph graph = model_of(13, {"my", "F", "call", {"x"}, {"y"}, {}});
    graph.functions = {graph::function_of("my", "F", opset, {{op, {"a"}, "b"}})};
    return graph;
  };
  const auto opset_of = [](const Graph& graph) {
    return graph::function_facts(graph.functions[0])->opset;
  };
  EXPECT_EQ(opset_of(raised(with_function(13, "Relu"))), 21);
  EXPECT_EQ(opset_of(raised(with_function(17, "RoiAlign"))), 21);
  EXPECT_EQ(opset_of(raised(with_function(22, "RoiAlign"))), 22);
  EXPECT_THAT(refusal(with_function(13, "RoiAlign")),
              AllOf(HasSubstr("'my::F'"), HasSubstr("RoiAlign"), HasSubstr("opset 13")));
  EXPECT_THAT(refusal(with_function(11, "Relu")), HasSubstr("opset 11"));
}

// A model of other domains alone imports no standard opset.
TEST(RaiseOpset, AModelWithoutStandardOperatorsGetsTheOpset) {
  Graph graph = model_of(13, {"my", "F", "call", {"x"}, {"y"}, {}});
  graph.opsets = {{"my", 1}};
  raised(std::move(graph));
}

TEST(OpsetChanges, RowsOfAnOperatorComeInOrder) {
  std::vector<int64_t> since;
  for (const OpsetChange& change : opset_changes("Pad", 13, 19)) since.push_back(change.since);
  EXPECT_THAT(since, ElementsAre(18, 19));
  EXPECT_TRUE(opset_changes("MatMul", 13, 21).empty());
  for (const OpsetChange& change : opset_changes()) {
    EXPECT_GT(change.since, kOldestKnownOpset);
    EXPECT_LE(change.since, kNewestKnownOpset);
  }
}

}  // namespace
}  // namespace lapidary::passes
