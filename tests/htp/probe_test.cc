#include "htp/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models.h"

namespace lapidary::htp {
namespace {

using ::testing::HasSubstr;

class HtpProbe : public testing::Test {
 protected:
  void SetUp() override {
    const auto found = find_libraries();
    if (!found.ok()) GTEST_SKIP() << found.error().message();
    libraries_ = *found;
  }
  void TearDown() override { std::filesystem::remove_all(test_folder()); }

  Result<ProbeReport> probed(const Graph& graph, const std::string& arch = "v81") const {
    const auto emulator = Emulator::create(libraries_, *target::resolve(arch, ""), {});
    return probe(graph, *emulator, test_folder());
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
        << arch << " " << report->nodes[2].agreement.relative_error;
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

// Catches a quantized graph cut between its nodes: the weight's DequantizeLinear alone is refused.
TEST_F(HtpProbe, AQuantizedProductIsOnePiece) {
  const auto report = probed(matmul_a16w8(64, 32, 4.0f));
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_TRUE(report->passed()) << report->to_json().dump(2);
  ASSERT_EQ(report->nodes.size(), 1u) << report->to_json().dump(2);
  EXPECT_LT(report->nodes[0].agreement.relative_error, 5e-4);
}

}  // namespace
}  // namespace lapidary::htp
