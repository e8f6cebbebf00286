#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models.h"
#include "probe/node_probes.h"

namespace lapidary::htp {
namespace {

using probe::ProbeReport;
using probe::ProbeSettings;
using probe::Verdict;
using ::testing::HasSubstr;

class HtpProbe : public testing::Test {
 protected:
  void SetUp() override {
    const auto found = find_libraries();
    if (!found.ok()) GTEST_SKIP() << found.error().message();
    libraries_ = *found;
  }
  void TearDown() override { std::filesystem::remove_all(test_folder()); }

  Result<ProbeReport> probed(const Graph& graph, const std::string& arch = "v81",
                             const ProbeSettings& settings = {}) const {
    const auto emulator = Emulator::create(libraries_, *target::resolve(arch, ""), {});
    return probe::probe_nodes(std::span(&graph, 1), *emulator, test_folder(), settings);
  }

  Libraries libraries_;
};

// The trap that this command is for: legal, compiled, and wrong. The same op is right at rank 3.
TEST_F(HtpProbe, RmsNormalizationOfRankFourIsFoundWrong) {
  Graph graph = rms_norm({1, 216, 4, 16});
  graph.initializers["flat"] = tensor::integers({3}, {1, 864, 16});
  graph.nodes.push_back({"", "Reshape", "rank 3", {"x", "flat"}, {"x3"}, {}});
  graph.nodes.push_back({"",
                         "RMSNormalization",
                         "the right one",
                         {"x3", "gamma"},
                         {"y3"},
                         graph.nodes[0].attributes});
  graph.outputs.push_back({"y3", DType::kFloat, shape_of({1, 864, 16})});
  for (const char* arch : {"v79", "v81"}) {
    const auto report = probed(graph, arch);
    ASSERT_TRUE(report.ok()) << report.error().message();
    ASSERT_EQ(report->nodes.size(), 3u);
    EXPECT_EQ(report->nodes[0].op, "RMSNormalization");
    EXPECT_EQ(report->nodes[0].verdict, Verdict::kWrong) << arch;
    EXPECT_EQ(report->nodes[2].verdict, Verdict::kRight)
        << arch << " " << report->nodes[2].difference.relative_error;
    EXPECT_FALSE(report->passed());
  }
}

TEST_F(HtpProbe, RefusedAndRightNodesOfOneGraph) {
  Graph graph = one_op("Erf", {1, 8});
  graph.nodes[0].outputs[0] = "e";
  graph.nodes.push_back({"", "Tanh", "first", {"e"}, {"t"}, {}});
  graph.nodes.push_back({"", "Tanh", "second", {"t"}, {"y"}, {}});
  const auto report = probed(graph);
  ASSERT_TRUE(report.ok()) << report.error().message();
  ASSERT_EQ(report->nodes.size(), 2u);
  EXPECT_EQ(report->nodes[0].verdict, Verdict::kRefused);
  EXPECT_THAT(report->nodes[0].reason, HasSubstr("Erf"));
  EXPECT_EQ(report->nodes[1].verdict, Verdict::kRight);
  EXPECT_EQ(report->nodes[1].alike, 2u);
}

// Catches outputs that are compared with those of the neighbour in the shared model: ports of
// several dtypes and counts, and one that is wrong among them.
TEST_F(HtpProbe, NodesThatShareAModelKeepTheirOwnVerdicts) {
  Graph graph = rms_norm({1, 216, 4, 16});
  graph.inputs.push_back({"c", DType::kFloat, shape_of({4, 8})});
  graph.initializers["sizes"] = tensor::integers({2}, {3, 5});
  graph.nodes.push_back({"", "Split", "split", {"c", "sizes"}, {"l", "r"}, {{"axis", int64_t{1}}}});
  graph.nodes.push_back({"", "Tanh", "left", {"l"}, {"tl"}, {}});
  graph.nodes.push_back({"", "Sigmoid", "right", {"r"}, {"sr"}, {}});
  graph.outputs.push_back({"tl", DType::kFloat, shape_of({4, 3})});
  graph.outputs.push_back({"sr", DType::kFloat, shape_of({4, 5})});
  const auto report = probed(graph);
  ASSERT_TRUE(report.ok()) << report.error().message();
  ASSERT_EQ(report->nodes.size(), 4u);
  EXPECT_EQ(report->nodes[0].verdict, Verdict::kWrong);
  EXPECT_EQ(report->count(Verdict::kRight), 3u) << report->to_json().dump(2);
}

// Catches a quantized graph cut between its nodes: the weight's DequantizeLinear alone is refused.
TEST_F(HtpProbe, AQuantizedProductIsOnePiece) {
  const auto report = probed(matmul_a16w8(64, 32, 4.0f));
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_TRUE(report->passed()) << report->to_json().dump(2);
  ASSERT_EQ(report->nodes.size(), 1u) << report->to_json().dump(2);
  EXPECT_LT(report->nodes[0].difference.relative_error, 5e-4);
}

// Alone, with integer ports, both would be misjudged: the HTP gives a Sigmoid's uint16 result
// another scale, and refuses a product of two quantized graph inputs.
TEST_F(HtpProbe, NodesAreProbedAsInsideAGraph) {
  Graph graph = matmul_a16w8(64, 64, 4.0f);
  graph.nodes.pop_back();  // y
  const auto node = [&graph](const char* op, std::vector<std::string> inputs, const char* output) {
    graph.nodes.push_back({"", op, output, std::move(inputs), {output}, {}});
  };
  graph.initializers["s_scale"] = tensor::scalar(1.3f / 65535.0f);
  graph.initializers["s_zero"] = constant(DType::kUint16, {}, std::vector<uint16_t>{100});
  graph.initializers["k_scale"] = tensor::scalar(4.0f / 32767.0f);
  graph.initializers["k_zero"] = constant(DType::kInt16, {}, std::vector<int16_t>{0});
  graph.inputs.push_back({"k", DType::kFloat, shape_of({64, 16})});
  node("DequantizeLinear", {"yq", "y_scale", "zero"}, "yf");
  node("Sigmoid", {"yf"}, "s");
  node("QuantizeLinear", {"s", "s_scale", "s_zero"}, "sq");
  node("DequantizeLinear", {"sq", "s_scale", "s_zero"}, "sf");
  node("QuantizeLinear", {"k", "k_scale", "k_zero"}, "kq");
  node("DequantizeLinear", {"kq", "k_scale", "k_zero"}, "kf");
  node("MatMul", {"sf", "kf"}, "p");
  node("QuantizeLinear", {"p", "y_scale", "zero"}, "pq");
  node("DequantizeLinear", {"pq", "y_scale", "zero"}, "y");
  graph.outputs[0].shape = shape_of({1, 16});
  const auto report = probed(graph);
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_TRUE(report->passed()) << report->to_json().dump(2);
  EXPECT_EQ(report->nodes.size(), 3u);
  EXPECT_EQ(report->count(Verdict::kRight), 3u) << report->to_json().dump(2);
}

// Catches results that are taken from another unit, chip or a damaged file.
TEST_F(HtpProbe, ACacheRemembersAndDamageIsProbedAgain) {
  const Graph graph = matmul_a16w8(64, 32, 4.0f);
  const ProbeSettings settings{.cache = test_folder() / "cache"};
  const auto first = probed(graph, "v81", settings);
  ASSERT_TRUE(first.ok()) << first.error().message();
  EXPECT_FALSE(first->nodes[0].cached);
  const auto second = probed(graph, "v81", settings);
  EXPECT_TRUE(second->nodes[0].cached);
  EXPECT_EQ(second->nodes[0].verdict, first->nodes[0].verdict);
  EXPECT_DOUBLE_EQ(second->nodes[0].difference.relative_error,
                   first->nodes[0].difference.relative_error);
  EXPECT_FALSE(probed(graph, "v79", settings)->nodes[0].cached);
  for (const auto& entry : std::filesystem::directory_iterator(settings.cache / "probes")) {
    std::filesystem::resize_file(entry.path() / "text", 10);
  }
  EXPECT_FALSE(probed(graph, "v81", settings)->nodes[0].cached);
  EXPECT_TRUE(probed(graph, "v81", settings)->nodes[0].cached);
}

TEST_F(HtpProbe, WhatTwoGraphsShareIsProbedOnce) {
  const std::vector<Graph> graphs = {one_op("Tanh", {1, 8}), one_op("Tanh", {1, 8})};
  const auto emulator = Emulator::create(libraries_, *target::resolve("v81", ""), {});
  const auto report = probe::probe_nodes(graphs, *emulator, test_folder());
  ASSERT_TRUE(report.ok()) << report.error().message();
  ASSERT_EQ(report->nodes.size(), 1u);
  EXPECT_EQ(report->nodes[0].alike, 2u);
}

}  // namespace
}  // namespace lapidary::htp
