// GraphSurgeries and the passes that are surgeons too: what they refuse and what they leave alone.
// That their results are Olive's, on ONNX Runtime, is tested in tests/surgeries_test.cc.
#include "passes/surgeries/graph_surgeries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/notes.h"
#include "passes/fixed_shapes/static_llm.h"
#include "passes/surgeries/attention_mask_to_sequence_lengths.h"
#include "passes/surgeries/remove_logit_softcap.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Ref;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<SetOutcome> operate(Graph graph, const std::string& surgeries) {
  auto document = JsonDocument::parse(R"({"surgeries": )" + surgeries + "}", "recipe.json").value();
  JsonReader reader = document.root();
  const BoundPass pass = bind_graph_surgeries(reader);
  LAP_RETURN_IF_ERROR(document.finish());
  GraphSet set(1);
  set[0].graph = std::move(graph);
  return pass.run(std::move(set), {});
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

Graph capped(bool by_product, float cap_after) {
  graph::Builder b("capped");
  const Ref x = b.input("x", DType::kFloat, {"n"});
  const Ref head = b.op("Relu", {x}, "head");
  const Ref scaled = by_product ? b.op("Mul", {b.constant_scalar(1.0F / 30.0F), head}, "cap")
                                : b.op("Div", {head, b.constant_scalar(30.0F)}, "cap");
  const Ref y = b.op("Mul", {b.op("Tanh", {scaled}, "cap"), b.constant_scalar(cap_after)}, "cap");
  b.output("logits", y, DType::kFloat, {"n"});
  return std::move(b).finish();
}

TEST(RemoveLogitSoftcap, EndsTheGraphBeforeTheCapAndLeavesItToTheHost) {
  for (const bool by_product : {false, true}) {
    const PassOutcome out = remove_logit_softcap(capped(by_product, 30.0F));
    EXPECT_EQ(out.rewritten, 1);
    ASSERT_EQ(out.graph.nodes.size(), 1U);
    EXPECT_EQ(out.graph.nodes[0].op_type, "Relu");
    EXPECT_THAT(out.graph.nodes[0].outputs, ElementsAre("logits"));
    EXPECT_TRUE(graph::check(out.graph).ok());
    EXPECT_EQ(out.graph.metadata.at(contract::notes::kHostLogitSoftcap), "30.0");
  }
}

// A product that is no soft-cap would change what is largest.
TEST(RemoveLogitSoftcap, OtherEndsStay) {
  for (const float other : {-30.0F, 15.0F}) {
    const PassOutcome out = remove_logit_softcap(capped(false, other));
    EXPECT_EQ(out.rewritten, 0);
    EXPECT_EQ(out.graph.nodes.size(), 4U);
    EXPECT_EQ(out.declined.size(), 1U);
  }
}

// Catches a mask that is dropped although something else needs it.
TEST(AttentionMaskToSequenceLengths, OtherReadersOfTheMaskKeepIt) {
  graph::Builder b("g");
  const Ref mask = b.input("attention_mask", DType::kInt64, {"batch", "total"});
  const Ref x = b.input("x", DType::kFloat, {"batch", "n", int64_t{8}});
  const Ref sum = b.op("ReduceSum", {mask, b.constant({1})}, "valid", {{"keepdims", int64_t{0}}});
  const Ref less = b.op("Sub", {sum, b.constant({1})}, "less");
  const Ref rows = b.op("Cast", {less}, "rows", {{"to", int64_t{6}}});
  const Ref length = b.op("Shape", {mask}, "total", {{"start", int64_t{1}}, {"end", int64_t{2}}});
  const Ref total = b.op("Cast", {length}, "total", {{"to", int64_t{6}}});
  const Ref y = b.microsoft_op("GroupQueryAttention", {x, x, x, Ref{}, Ref{}, rows, total}, "attn",
                               {{"num_heads", int64_t{1}}, {"kv_num_heads", int64_t{1}}});
  b.output("y", y, DType::kFloat, {"batch", "n", int64_t{8}});
  const Graph graph = std::move(b).finish();
  const PassOutcome out = attention_mask_to_sequence_lengths(graph);
  EXPECT_EQ(out.rewritten, 2);
  EXPECT_TRUE(out.declined.empty());
  ASSERT_EQ(out.graph.inputs.size(), 3U);
  EXPECT_EQ(out.graph.inputs[1].name, "past_seq_len");
  EXPECT_EQ(graph::to_string(out.graph.inputs[1].shape), "[batch, 1]");
  EXPECT_EQ(out.graph.inputs[2].name, "total_seq_len");
  EXPECT_TRUE(graph::check(out.graph).ok());

  Graph other = graph;
  other.nodes.push_back({"", "Cast", "extra/Cast", {"attention_mask"}, {"extra"}, {}});
  other.outputs.push_back({"extra", DType::kFloat, {"batch", "total"}});
  const PassOutcome kept = attention_mask_to_sequence_lengths(other);
  EXPECT_EQ(kept.rewritten, 0);
  ASSERT_EQ(kept.declined.size(), 1U);
  EXPECT_EQ(kept.declined[0].node, "extra/Cast");
  EXPECT_EQ(kept.graph.inputs[0].name, "attention_mask");
}

}  // namespace
}  // namespace lapidary::passes
