// GraphSurgeries: what it refuses and what it leaves alone. That its results are Olive's, on ONNX
// Runtime, is tested in tests/surgeries_test.cc.
#include "passes/surgeries/graph_surgeries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/testing/bodies.h"
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

// y = If(c): Abs(x), else Neg(x); with a bias that only a body reads.
Graph branching() {
  graph::Builder b("g");
  b.input("x", DType::kFloat, {"n"});
  const Ref c = b.input("c", DType::kBool, {});
  const Ref bias = b.weight("bias", tensor::floats({1}, {-1e30F}));
  Graph graph = std::move(b).finish();
  graph::Node branch{"", "If", "choice", {c.name}, {"y"}, {}};
  branch.opaque["then_branch"] = graph::body_of("then_branch", {{"Max", {"x", bias.name}, "o1"}});
  branch.opaque["else_branch"] = graph::body_of("else_branch", {{"Neg", {"x"}, "o2"}});
  graph.nodes.push_back(branch);
  graph.outputs.push_back({"y", DType::kFloat, {"n"}});
  return graph;
}

Graph operated(Graph graph, const std::string& surgeries) {
  auto out = operate(std::move(graph), surgeries);
  if (!out.ok()) throw std::runtime_error(out.error().message());
  Graph made = std::move(out->graphs[0].graph);
  const Status sound = graph::check(made);
  EXPECT_TRUE(sound.ok()) << sound.error().message();
  return made;
}

// Would catch a body that reads an input by its old name.
TEST(GraphSurgeries, BodiesReadRenamedInputs) {
  const Graph out = operated(
      branching(), R"([{"surgeon": "RenameInputs", "old_names": ["x"], "new_names": ["x2"]}])");
  EXPECT_EQ(out.inputs[0].name, "x2");
  EXPECT_THAT(graph::first_inputs(out.nodes[0].opaque.at("else_branch")), ElementsAre("x2"));
  const auto taken = operate(
      branching(), R"([{"surgeon": "RenameInputs", "old_names": ["x"], "new_names": ["o1"]}])");
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(taken.error().message(), AllOf(HasSubstr("'o1'"), HasSubstr("a body")));
}

// Would catch an input or a constant that goes or changes although a body reads it.
TEST(GraphSurgeries, WhatABodyReadsIsRead) {
  const auto out = operate(branching(), R"([{"surgeon": "RemoveInputs", "names": ["x"]},
                               {"surgeon": "ReplaceAttentionMaskValue", "threshold": -1e20}])")
                       .value();
  EXPECT_EQ(out.rewritten, 0);
  ASSERT_EQ(out.declined.size(), 1U);
  EXPECT_THAT(out.declined[0].reason, HasSubstr("'choice' reads it"));
  EXPECT_THAT(out.graphs[0].graph.initializers.at("bias").to_floats().value(), ElementsAre(-1e30F));
}

// Would catch a constant of the model that is written over, and one transposed for one node only.
TEST(GraphSurgeries, TransposedWeightsHaveNamesOfTheirOwn) {
  graph::Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"n", int64_t{2}});
  const Ref w = b.weight("w", tensor::floats({2, 2}, {1, 2, 3, 4}));
  const graph::Attributes turned = {{"transB", int64_t{1}}};
  b.output("y", b.op("Gemm", {x, w}, "a", turned), DType::kFloat, {"n", int64_t{2}});
  b.output("z", b.op("Gemm", {x, w}, "b", turned), DType::kFloat, {"n", int64_t{2}});
  b.output("k", b.op("Add", {x, b.weight("w_transposed", tensor::floats({2}, {5, 6}))}, "c"),
           DType::kFloat, {"n", int64_t{2}});
  const Graph out = operated(std::move(b).finish(), R"([{"surgeon": "GemmToMatMulAdd"}])");
  EXPECT_THAT(out.initializers.at("w_transposed").to_floats().value(), ElementsAre(5, 6));
  EXPECT_THAT(out.initializers.at("w_transposed_1").to_floats().value(), ElementsAre(1, 3, 2, 4));
  EXPECT_EQ(out.initializers.size(), 2U);
  EXPECT_EQ(out.nodes[0].inputs, out.nodes[1].inputs);
}

}  // namespace
}  // namespace lapidary::passes
