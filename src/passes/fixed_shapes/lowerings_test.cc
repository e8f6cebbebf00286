// The lowerings as graph rewrites: what they leave and what they refuse. Their numbers are tested
// by tests/golden_static_decoder_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/fixed_shapes.h"
#include "passes/fixed_shapes/lower_group_query_attention.h"
#include "passes/fixed_shapes/lower_rms_norm.h"
#include "passes/fixed_shapes/lower_rotary_embedding.h"
#include "passes/fixed_shapes/static_llm.h"
#include "passes/test_graphs.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Attributes;
using graph::Builder;
using graph::Graph;
using graph::Ref;
using graph::SymbolicShape;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

SymbolicShape dims(std::initializer_list<int64_t> sizes) { return {sizes.begin(), sizes.end()}; }

PassOutcome take(Result<PassOutcome> outcome) {
  if (!outcome.ok()) throw std::runtime_error(outcome.error().message());
  EXPECT_TRUE(graph::check(outcome->graph).ok()) << graph::print(outcome->graph);
  return std::move(*outcome);
}

std::vector<std::string> ops(const Graph& graph) {
  std::vector<std::string> out;
  for (const auto& node : graph.nodes) out.push_back(node.op_type);
  return out;
}

tensor::Shape shape(const Graph& graph, const std::string& value) {
  return graph::infer_shapes(graph).value().shapes.at(value);
}

// A norm over the last axis, of x [1, 5, 4, 8].
Graph norm(const Attributes& attributes, const SymbolicShape& x_shape) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, x_shape);
  const Ref w = b.weight("w", tensor::floats({8}, std::vector<float>(8, 1.0F)));
  b.output("y", b.op("Tanh", {b.op("RMSNormalization", {x, w}, "q_norm", attributes)}),
           DType::kFloat, {});
  return std::move(b).finish();
}

TEST(LowerRmsNorm, NormsAtRankThree) {
  const PassOutcome outcome = take(
      lower_rms_norm(norm({{"axis", int64_t{3}}, {"epsilon", 1e-6F}}, dims({1, 5, 4, 8})), htp()));
  EXPECT_EQ(outcome.rewritten, 1);
  EXPECT_THAT(ops(outcome.graph), ElementsAre("Reshape", "RMSNormalization", "Reshape", "Tanh"));
  EXPECT_EQ(outcome.graph.nodes[1].name, "q_norm/RMSNormalization");
  EXPECT_THAT(shape(outcome.graph, outcome.graph.nodes[1].outputs[0]), ElementsAre(1, 20, 8));
  EXPECT_EQ(outcome.graph.nodes[1].int_attribute("axis", 0), -1);
  EXPECT_THAT(shape(outcome.graph, "y"), ElementsAre(1, 5, 4, 8));
}

TEST(LowerRmsNorm, LeavesWhatIsFineAndDeclinesWhatItCannot) {
  const PassOutcome small = take(lower_rms_norm(norm({}, dims({1, 5, 8})), htp()));
  EXPECT_THAT(ops(small.graph), ElementsAre("RMSNormalization", "Tanh"));
  EXPECT_THAT(small.declined, IsEmpty());
  const PassOutcome wide =
      take(lower_rms_norm(norm({{"axis", int64_t{2}}}, dims({1, 5, 4, 8})), htp()));
  EXPECT_EQ(wide.rewritten, 0);
  ASSERT_THAT(wide.declined, SizeIs(1));
  EXPECT_EQ(wide.declined[0].node, "q_norm/RMSNormalization");
}

// Two rotations of x [1, 5, 32] with 4 heads by one table of `pairs` columns.
Graph rotations(int64_t pairs, const Attributes& attributes) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, dims({1, 5, 32}));
  const Ref cos = b.input("cos", DType::kFloat, dims({1, 5, pairs}));
  const Ref sin = b.input("sin", DType::kFloat, dims({1, 5, pairs}));
  b.output("q", b.op("RotaryEmbedding", {x, cos, sin}, "q_rope", attributes), DType::kFloat, {});
  b.output("k", b.op("RotaryEmbedding", {x, cos, sin}, "k_rope", attributes), DType::kFloat, {});
  return std::move(b).finish();
}

TEST(LowerRotaryEmbedding, RotatesByPlainArithmetic) {
  const PassOutcome outcome =
      take(lower_rotary_embedding(rotations(4, {{"num_heads", int64_t{4}}})));
  EXPECT_EQ(outcome.rewritten, 2);
  const auto left = ops(outcome.graph);
  EXPECT_THAT(left, Not(Contains("RotaryEmbedding")));
  // Each table is doubled once, each rotation joins its turned halves.
  EXPECT_EQ(std::count(left.begin(), left.end(), "Unsqueeze"), 2);
  EXPECT_EQ(std::count(left.begin(), left.end(), "Concat"), 4);
  EXPECT_THAT(shape(outcome.graph, "q"), ElementsAre(1, 5, 32));
}

TEST(LowerRotaryEmbedding, DeclinesOtherRotations) {
  const std::pair<Graph, const char*> cases[] = {
      {rotations(4, {{"num_heads", int64_t{4}}, {"interleaved", int64_t{1}}}), "interleaved"},
      {rotations(2, {{"num_heads", int64_t{4}}}), "whole heads"},
      {rotations(4, {{"num_heads", int64_t{5}}}), "num_heads"}};
  for (const auto& [graph, reason] : cases) {
    const PassOutcome outcome = take(lower_rotary_embedding(graph));
    EXPECT_THAT(ops(outcome.graph), Each("RotaryEmbedding"));
    ASSERT_THAT(outcome.declined, SizeIs(2));
    EXPECT_THAT(outcome.declined[0].reason, HasSubstr(reason));
  }
}

// A decoder of 4 heads over 2 heads of keys and values, 8 wide: layer 0 appends, layer 1 uses layer
// 0's cache.
struct AttentionGraph {
  int64_t batch = 1;
  int64_t shared_window = 16;
  Attributes extra = {};
  bool other_reader = false;

  Graph build() const {
    Builder b("decoder");
    const Ref q = b.input("q", DType::kFloat, dims({batch, 3, 32}));
    const Ref k = b.input("k", DType::kFloat, dims({batch, 3, 16}));
    const Ref none = b.input("none", DType::kFloat, dims({batch, 0, 16}));
    const Ref past_key = b.input("past.key", DType::kFloat, dims({batch, 2, 15, 8}));
    const Ref past_value = b.input("past.value", DType::kFloat, dims({batch, 2, 15, 8}));
    const Ref last = b.input("last", DType::kInt32, dims({batch}));
    const Ref total = b.input("total", DType::kInt32, {});
    const auto attributes = [&](int64_t window) {
      Attributes out = extra;
      out["num_heads"] = int64_t{4};
      out["kv_num_heads"] = int64_t{2};
      out["scale"] = 1.0F;
      if (window > 0) out["local_window_size"] = window;
      return out;
    };
    const auto first = b.multi_op("com.microsoft", "GroupQueryAttention",
                                  {q, k, k, past_key, past_value, last, total}, 3,
                                  "layers.0.attention", attributes(16));
    const Ref second =
        b.microsoft_op("GroupQueryAttention", {q, none, none, first[1], first[2], last, total},
                       "layers.1.attention", attributes(shared_window));
    if (other_reader) b.output("length", b.op("Shape", {first[1]}, "step"), DType::kInt64, {});
    b.output("y", b.op("Add", {first[0], second}), DType::kFloat, {});
    b.output("present.key", first[1], DType::kFloat, {});
    b.output("present.value", first[2], DType::kFloat, {});
    return std::move(b).finish();
  }
};

TEST(LowerGroupQueryAttention, SharesTheDonorsKeysAndValues) {
  const PassOutcome outcome = take(lower_group_query_attention(AttentionGraph{}.build()));
  EXPECT_EQ(outcome.rewritten, 2);
  const auto left = ops(outcome.graph);
  EXPECT_THAT(left, Not(Contains("GroupQueryAttention")));
  EXPECT_EQ(std::count(left.begin(), left.end(), "Concat"), 2);
  EXPECT_EQ(std::count(left.begin(), left.end(), "Softmax"), 2);
  EXPECT_EQ(std::count(left.begin(), left.end(), "MatMul"), 4);
  EXPECT_THAT(shape(outcome.graph, "present.key"), ElementsAre(1, 2, 3, 8));  // the new rows alone
  EXPECT_THAT(shape(outcome.graph, "present.value"), ElementsAre(1, 2, 3, 8));
  EXPECT_THAT(shape(outcome.graph, "attention_mask.sliding_attention"), ElementsAre(1, 1, 3, 18));
  EXPECT_FALSE(outcome.graph.is_input("attention_mask.full_attention"));
  EXPECT_THAT(shape(outcome.graph, "y"), ElementsAre(1, 3, 32));
}

TEST(LowerGroupQueryAttention, FullAttentionHasItsOwnMask) {
  const PassOutcome outcome =
      take(lower_group_query_attention(AttentionGraph{.shared_window = 0}.build()));
  EXPECT_THAT(shape(outcome.graph, "attention_mask.sliding_attention"), ElementsAre(1, 1, 3, 18));
  EXPECT_THAT(shape(outcome.graph, "attention_mask.full_attention"), ElementsAre(1, 1, 3, 18));
}

TEST(LowerGroupQueryAttention, MultipliesByAScale) {
  Graph graph = AttentionGraph{}.build();
  for (auto& node : graph.nodes) {
    if (node.op_type == "GroupQueryAttention") node.attributes.erase("scale");  // 1 / sqrt(8)
  }
  const auto left = ops(take(lower_group_query_attention(std::move(graph))).graph);
  EXPECT_EQ(std::count(left.begin(), left.end(), "Mul"), 2);
}

// Each would give wrong numbers in silence.
TEST(LowerGroupQueryAttention, RefusesOtherForms) {
  const std::pair<AttentionGraph, const char*> cases[] = {
      {{.batch = 2}, "batch 1"},
      {{.extra = {{"softcap", 50.0F}}}, "'softcap'"},
      {{.extra = {{"do_rotary", int64_t{1}}}}, "'do_rotary'"},
      {{.other_reader = true}, "present.key"}};
  for (const auto& [model, reason] : cases) {
    const auto outcome = lower_group_query_attention(model.build());
    ASSERT_FALSE(outcome.ok()) << reason;
    EXPECT_EQ(outcome.error().kind, ErrorKind::kUnsupported);
    EXPECT_THAT(outcome.error().message(), HasSubstr(reason));
  }
}

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
      take(static_llm(hollow_decoder(), {.context_length = 64, .sequence_length = 4})).graph;
  ASSERT_THAT(graph.inputs, SizeIs(1));  // attention_mask, which nothing reads, is gone
  EXPECT_EQ(graph.inputs[0].shape, dims({1, 4, 8}));
  EXPECT_EQ(graph.outputs[0].shape, dims({1, 4, 8}));
}

TEST(StaticLlm, WithoutLogitsOnlyTheCachesAreLeft) {
  const Graph graph =
      take(static_llm(hollow_decoder(),
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
  EXPECT_THAT(message(AttentionGraph{}.build(), options), HasSubstr("'inputs_embeds'"));
  EXPECT_THAT(message(hollow_decoder(), {.context_length = 1}), HasSubstr("context_length"));
  EXPECT_THAT(message(hollow_decoder(), {.context_length = 8, .sequence_length = 9}),
              HasSubstr("sequence_length"));
}

// One mask cannot serve two windows.
TEST(StaticLlm, RefusesWindowsOfDifferentLengths) {
  Graph graph = AttentionGraph{.shared_window = 8}.build();
  graph.inputs.push_back({"inputs_embeds", DType::kFloat, dims({1, 3, 32})});
  graph.inputs.push_back({"attention_mask", DType::kInt64, dims({1, 18})});
  graph.outputs[0].name = graph.nodes.back().outputs[0] = "logits";
  const auto outcome = static_llm(std::move(graph), {.context_length = 18, .sequence_length = 3});
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.error().message(), HasSubstr("sees 8 positions, other sliding layers 16"));
}

}  // namespace
}  // namespace lapidary::passes
