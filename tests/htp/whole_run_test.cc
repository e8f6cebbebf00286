#include "probe/whole_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models.h"

namespace lapidary::htp {
namespace {

using probe::WholeRun;
using ::testing::HasSubstr;

class HtpWholeRun : public testing::Test {
 protected:
  void SetUp() override {
    const auto found = find_libraries();
    if (!found.ok()) GTEST_SKIP() << found.error().message();
    libraries_ = *found;
  }
  void TearDown() override { std::filesystem::remove_all(test_folder()); }

  Result<WholeRun> ran(const Graph& graph) const {
    const auto emulator = Emulator::create(libraries_, *target::resolve("v81", ""), {});
    return probe::run_whole(saved(graph, "model.onnx"), *emulator, test_folder() / "run");
  }

  Libraries libraries_;
};

// matmul_a16w8 whose input and output are codes.
Graph integer_ports() {
  Graph graph = matmul_a16w8(64, 32, 4.0f);
  graph.nodes.erase(graph.nodes.begin());
  graph.nodes.pop_back();
  graph.inputs = {{"xq", DType::kUint16, shape_of({1, 64})}};
  graph.outputs = {{"yq", DType::kUint16, shape_of({1, 32})}};
  return graph;
}

TEST_F(HtpWholeRun, AQuantizedProductAgrees) {
  const auto run = ran(integer_ports());
  ASSERT_TRUE(run.ok()) << run.error().message();
  ASSERT_EQ(run->outputs.size(), 1u);
  EXPECT_EQ(run->outputs[0].form, "uint16[1, 32]");
  EXPECT_TRUE(run->passed()) << run->to_json().dump(2);
  EXPECT_GT(run->outputs[0].difference.relative_error, 0);  // not the reference with itself
  EXPECT_GT(run->peak_bytes, 1 << 20);
}

// The op that computes wrong numbers beside one that does not.
TEST_F(HtpWholeRun, AGraphWithAWrongNodeFails) {
  Graph graph = rms_norm({1, 216, 4, 16});
  graph.inputs.push_back({"c", DType::kFloat, shape_of({4, 8})});
  graph.outputs.push_back({"t", DType::kFloat, shape_of({4, 8})});
  graph.nodes.push_back({"", "Tanh", "right", {"c"}, {"t"}, {}});
  const auto run = ran(graph);
  ASSERT_TRUE(run.ok()) << run.error().message();
  ASSERT_EQ(run->outputs.size(), 2u);
  EXPECT_LT(run->outputs[0].difference.cosine, 0.99);
  EXPECT_GT(run->outputs[1].difference.cosine, 0.9999);
  EXPECT_FALSE(run->passed());
}

TEST_F(HtpWholeRun, ARefusedNodeIsNamed) {
  const auto run = ran(one_op("Erf", {1, 8}));
  ASSERT_FALSE(run.ok());
  EXPECT_EQ(run.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(run.error().message(), HasSubstr("Erf"));
}

TEST_F(HtpWholeRun, ShapesMustBeFixed) {
  Graph graph = one_op("Tanh", {1, 8});
  graph.inputs[0].shape[0] = std::string("n");
  const auto run = ran(graph);
  ASSERT_FALSE(run.ok());
  EXPECT_THAT(run.error().message(), HasSubstr("not fixed"));
}

}  // namespace
}  // namespace lapidary::htp
