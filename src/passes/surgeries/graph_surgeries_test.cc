// GraphSurgeries: what it refuses and what it leaves alone. That its results are Olive's, on ONNX
// Runtime, is tested in tests/surgeries_test.cc.
#include "passes/surgeries/graph_surgeries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Ref;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<SetOutcome> operate(Graph graph, const std::string& surgeries) {
  LAP_ASSIGN_OR_RETURN(const BoundPass pass,
                       bound(&bind_graph_surgeries, R"({"surgeries": )" + surgeries + "}"));
  return pass.run(set_of(std::move(graph)), {});
}

std::string error_of(const std::string& surgeries) {
  const auto out = operate(attention_graph(), surgeries);
  return out.ok() ? "" : out.error().message();
}

std::vector<std::string> declined_of(const std::string& surgeries) {
  std::vector<std::string> out;
  const auto outcome = operate(attention_graph(), surgeries);
  EXPECT_TRUE(outcome.ok()) << outcome.error().message();
  EXPECT_EQ(outcome->rewritten, 0);
  for (const Declined& each : outcome->declined) out.push_back(each.node + ": " + each.reason);
  return out;
}

TEST(GraphSurgeries, StrangeSurgeonsAndOptionsAreErrors) {
  EXPECT_THAT(error_of(R"([{"surgeon": "RemoveQDQ"}])"),
              AllOf(HasSubstr("RemoveQDQ"), HasSubstr("GemmToMatMulAdd")));
  EXPECT_NE(error_of(R"([{"surgeon": "RenameInputs", "old_names": ["x"], "new_names": []}])"), "");
  EXPECT_THAT(error_of(R"([{"surgeon": "GemmToMatMulAdd", "alpha": 1}])"), HasSubstr("alpha"));
  EXPECT_NE(error_of(R"([{"old_names": ["x"]}])"), "");
  EXPECT_NE(error_of(R"([{"surgeon": "ReorderInputs", "permutation": [0, 0]}])"), "");
  EXPECT_NE(error_of(R"([{"surgeon": "ReorderInputs", "permutation": [0]}])"), "");
  EXPECT_NE(
      error_of(
          R"([{"surgeon": "RenameInputDims", "input_name": "z", "dim_idx": 0, "dim_name": "n"}])"),
      "");
  EXPECT_NE(
      error_of(
          R"([{"surgeon": "RenameOutputDims", "output_idx": 0, "dim_idx": 2, "dim_name": "n"}])"),
      "");
  // A name that another value has would join the two.
  EXPECT_THAT(
      error_of(R"([{"surgeon": "RenameInputs", "old_names": ["x"], "new_names": ["q/MatMul"]}])"),
      HasSubstr("q/MatMul"));
  EXPECT_EQ(error_of(R"([{"surgeon": "gemmtomatmuladd"}])"), "") << "any case";
}

TEST(GraphSurgeries, WhatIsNotThereIsDeclinedByName) {
  EXPECT_THAT(declined_of(R"([{"surgeon": "RenameOutputs", "old_names": ["no"], "new_names": ["n"]},
                              {"surgeon": "RemoveInputs", "names": ["no", "x"]},
                              {"surgeon": "ExposeOutputs", "names": ["no", "out/Tanh"]},
                              {"surgeon": "RemoveLogitSoftcap"},
                              {"surgeon": "AttentionMaskToSequenceLengths"},
                              {"surgeon": "InferShapes"}])"),
              ElementsAre(HasSubstr("no: "), HasSubstr("no: "),
                          HasSubstr("'norm/RMSNormalization' reads it"), HasSubstr("no: "),
                          HasSubstr("out/Tanh: "), HasSubstr("soft-cap"),
                          HasSubstr("GroupQueryAttention"), HasSubstr("shapes")));
}

TEST(GraphSurgeries, ExposedValuesHaveTheirTypeWhereShapesAreFixed) {
  const auto out =
      operate(attention_graph(), R"([{"surgeon": "ExposeOutputs", "names": ["scores/MatMul"]}])")
          .value();
  const graph::ValueInfo& port = out.graphs[0].graph.outputs.back();
  EXPECT_EQ(port.name, "scores/MatMul");
  EXPECT_EQ(port.dtype, DType::kFloat);
  EXPECT_EQ(graph::to_string(port.shape), "[6, 10]");
}

// An optional input goes with its default; one that a node reads stays.
TEST(GraphSurgeries, UnreadInputsAreRemoved) {
  graph::Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"n"});
  b.input("unread", DType::kFloat, {"n"});
  b.optional_input("flag", {int64_t{1}}, tensor::integers({1}, {0}));
  b.output("y", b.op("Tanh", {x}, "a"), DType::kFloat, {"n"});
  const auto out = operate(std::move(b).finish(),
                           R"([{"surgeon": "RemoveInputs", "names": ["unread", "flag"]}])")
                       .value();
  EXPECT_EQ(out.rewritten, 2);
  EXPECT_EQ(out.graphs[0].graph.inputs.size(), 1U);
  EXPECT_TRUE(out.graphs[0].graph.initializers.empty());
}

}  // namespace
}  // namespace lapidary::passes
