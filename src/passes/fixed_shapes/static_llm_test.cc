// StaticLLM: which graphs it makes, their dims, and what it refuses. The numbers are tested by
// tests/golden_fixed_decoder_test.cc.
#include "passes/fixed_shapes/static_llm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>

#include "contract/notes.h"
#include "graph/builder.h"
#include "passes/test_graphs.h"
#include "tensor/expressions.h"
#include "tensor/testing/unreadable.h"

namespace lapidary::passes {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Ref;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// The inputs and outputs of a decoder, nothing between.
Graph hollow_decoder(const std::string& extra_input = "") {
  Builder b("decoder");
  const Ref x = b.input("inputs_embeds", DType::kFloat, {"batch", "sequence_len", int64_t{8}});
  const Ref mask = b.input("attention_mask", DType::kInt64, {"batch", "total_sequence_len"});
  if (!extra_input.empty()) b.input(extra_input, DType::kInt64, {"batch", "unheard_of"});
  b.output("logits", b.op("Tanh", {x}), DType::kFloat, {"batch", "kept_len", int64_t{8}});
  b.output("present.0.key", b.op("Neg", {x}), DType::kFloat, {"batch", "total_sequence_len"});
  return std::move(b).finish();
}

TEST(StaticLlm, FixesEveryDim) {
  const Graph graph =
      checked(static_llm(hollow_decoder(), {.context_length = 64, .sequence_length = 4})).graph;
  ASSERT_THAT(graph.inputs, SizeIs(1));  // attention_mask, which nothing reads, is gone
  EXPECT_EQ(graph.inputs[0].shape, dims({1, 4, 8}));
  EXPECT_EQ(graph.outputs[0].shape, dims({1, 4, 8}));
}

TEST(StaticLlm, WithoutLogitsOnlyTheCachesAreLeft) {
  const Graph graph =
      checked(static_llm(hollow_decoder(),
                         {.context_length = 64, .sequence_length = 4, .logits = false}))
          .graph;
  EXPECT_THAT(ops(graph), ElementsAre("Neg"));
  ASSERT_THAT(graph.outputs, SizeIs(1));
  EXPECT_EQ(graph.outputs[0].name, "present.0.key");
}

TEST(StaticLlm, RefusesWhatIsNoDecoderOfOurs) {
  const StaticLlmOptions options = {.context_length = 64, .sequence_length = 4};
  const auto message = [&](Graph graph, const StaticLlmOptions& chosen) {
    const auto outcome = static_llm(std::move(graph), chosen);
    return outcome.ok() ? "accepted" : outcome.error().message();
  };
  EXPECT_THAT(message(hollow_decoder("other"), options), HasSubstr("'unheard_of'"));
  EXPECT_THAT(message(hollow_decoder("mm_token_type_ids"), options), HasSubstr("images attend"));
  EXPECT_THAT(message(GroupedAttention{}.build(), options), HasSubstr("'inputs_embeds'"));
  EXPECT_THAT(message(hollow_decoder(), {.context_length = 1}), HasSubstr("context_length"));
  EXPECT_THAT(message(hollow_decoder(), {.context_length = 8, .sequence_length = 9}),
              HasSubstr("sequence_length"));
}

// One mask cannot serve two windows.
TEST(StaticLlm, RefusesWindowsOfDifferentLengths) {
  Graph graph = GroupedAttention{.shared_window = 8}.build();
  graph.inputs.push_back({"inputs_embeds", DType::kFloat, dims({1, 3, 32})});
  graph.inputs.push_back({"attention_mask", DType::kInt64, dims({1, 18})});
  graph.outputs[0].name = graph.nodes.back().outputs[0] = "logits";
  const auto outcome = static_llm(std::move(graph), {.context_length = 18, .sequence_length = 3});
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.error().message(), HasSubstr("sees 8 positions, other sliding layers 16"));
}

// A decoder of one layer without attention: logits = cap * tanh(x w / cap), or without the cap.
Graph decoder(bool capped = true) {
  Builder b("decoder");
  const Ref x = b.input("inputs_embeds", DType::kFloat, {"batch", "sequence_len", int64_t{2}});
  b.input("attention_mask", DType::kInt64, {"batch", "total_sequence_len"});
  Ref y = b.op("MatMul", {x, b.weight("w", tensor::floats({2, 2}, {1, 2, 3, 4}))}, "lm_head");
  if (capped) {
    const Ref cap = b.constant_scalar(30.0F);
    y = b.op("Mul", {b.op("Tanh", {b.op("Div", {y, cap}, "cap")}, "cap"), cap}, "cap");
  }
  b.output("logits", y, DType::kFloat, {"batch", "kept_len", int64_t{2}});
  b.output("present.0.key", b.op("Neg", {x}), DType::kFloat,
           {"batch", "total_sequence_len", int64_t{2}});
  return std::move(b).finish();
}

GraphSet fixed_set(const std::string& options, Graph graph) {
  auto outcome = bound(&bind_static_llm, options)->run(set_of(std::move(graph)), {});
  EXPECT_TRUE(outcome.ok()) << outcome.error().message();
  return outcome.ok() ? std::move(outcome->graphs) : GraphSet();
}

TEST(StaticLlmPass, MakesTheGraphsAskedFor) {
  EXPECT_THAT(stems(fixed_set("{}", decoder())), ElementsAre("prefill.0", "decode.0"));
  EXPECT_THAT(stems(fixed_set(R"({"prefill_length": 0})", decoder())), ElementsAre("decode.0"));
  const GraphSet set = fixed_set(
      R"({"context_length": 32, "prefill_length": 8, "calibration_length": 100})", decoder());
  EXPECT_THAT(stems(set), ElementsAre("prefill.0", "decode.0", "calibration.0"));
  const auto length = [](const RoleGraph& each) {
    return std::get<int64_t>(each.graph.inputs[0].shape[1]);
  };
  EXPECT_EQ(length(set[0]), 8);
  EXPECT_EQ(length(set[1]), 1);
  EXPECT_EQ(length(set[2]), 100);
  EXPECT_FALSE(set[0].graph.is_output("logits"));
  EXPECT_TRUE(set[1].graph.is_output("logits"));
  EXPECT_TRUE(set[2].graph.is_output("logits"));
}

TEST(StaticLlmPass, LeavesTheSoftCapToTheHost) {
  const std::string options = R"({"calibration_length": 4, "logit_softcap": "host"})";
  const GraphSet set = fixed_set(options, decoder());
  EXPECT_FALSE(set[0].graph.metadata.contains(contract::notes::kHostLogitSoftcap));  // no logits
  for (const size_t i : {1U, 2U}) {
    const Graph& graph = set[i].graph;
    EXPECT_EQ(graph.metadata.at(contract::notes::kHostLogitSoftcap), "30.0");
    ASSERT_THAT(graph.nodes, SizeIs(2));
    EXPECT_TRUE(graph::check(graph).ok());
    EXPECT_EQ(graph.nodes[0].op_type, "MatMul");
    EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("logits"));
  }
  EXPECT_THAT(fixed_set("{}", decoder())[1].graph.nodes, SizeIs(5));
  const auto uncapped = bound(&bind_static_llm, options)->run(set_of(decoder(false)), {}).value();
  ASSERT_THAT(uncapped.declined, SizeIs(1));
  EXPECT_THAT(uncapped.declined[0].reason, HasSubstr("no soft-cap"));
  EXPECT_FALSE(uncapped.graphs[1].graph.metadata.contains(contract::notes::kHostLogitSoftcap));
}

// Catches a cap that silently stays in the graph while the host was to apply it.
TEST(StaticLlmPass, ASoftCapThatCannotBeReadIsAnError) {
  Graph graph = decoder();
  for (auto& [name, constant] : graph.initializers) {
    if (constant.shape().empty()) constant = tensor::unreadable(DType::kFloat, {});
  }
  const BoundPass pass = bound(&bind_static_llm, R"({"logit_softcap": "host"})").value();
  const auto outcome = pass.run(set_of(std::move(graph)), {});
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.error().message(), AllOf(HasSubstr("soft-cap"), HasSubstr("ends early")));
}

TEST(StaticLlmPass, RefusesWhatItCannotDo) {
  const auto said = [](const std::string& json) { return verdict(&bind_static_llm, json); };
  EXPECT_THAT(said(R"({"context_length": 64, "prefill_length": 64})"), HasSubstr("prefill_length"));
  EXPECT_THAT(said(R"({"calibration_length": 1})"), HasSubstr("calibration_length"));
  EXPECT_THAT(said(R"({"attention": "GroupQueryAttention"})"),
              HasSubstr("use decomposed or Attention"));
  EXPECT_THAT(said(R"({"logit_softcap": "none"})"), HasSubstr("use graph or host"));
  EXPECT_THAT(said(R"({"batch_size": 2})"), HasSubstr("batch_size"));
  EXPECT_THAT(said(R"({"sequence_length": 2})"), HasSubstr("sequence_length"));
  const BoundPass pass = bound(&bind_static_llm, "{}").value();
  const auto again = pass.run(fixed_set("{}", decoder()), {});
  ASSERT_FALSE(again.ok());
  EXPECT_THAT(again.error().message(), HasSubstr("several graphs already"));
  Builder b("vision_encoder");
  b.output("y", b.op("Neg", {b.input("x", DType::kFloat, {int64_t{1}})}), DType::kFloat, {});
  const auto other = pass.run(set_of(std::move(b).finish()), {});
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message(), HasSubstr("text decoder"));
}

}  // namespace
}  // namespace lapidary::passes
