// OnnxKQuantQuantization as a graph rewrite; its numbers are tested in quant/.
#include "passes/weight_only/kquant_quantization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "graph/builder.h"
#include "passes/test_graphs.h"
#include "quant/kquant.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Builder;
using graph::Node;
using graph::Ref;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

KQuantOptions options(int bits, int block, bool symmetric = false) {
  KQuantOptions out;
  out.format.bits = bits;
  out.format.block_size = block;
  out.format.symmetric = symmetric;
  return out;
}

TEST(KQuant, RewritesConstantProductsAndKeepsTheirNames) {
  const auto out = kquant_quantization(linear_graph(), options(4, 32)).value();
  EXPECT_EQ(out.rewritten, 2);
  const Node& q = node_named(out.graph, "q_proj/MatMul");
  EXPECT_EQ(q.qualified_op(), "com.microsoft::MatMulNBits");
  EXPECT_THAT(q.inputs, ElementsAre("embed/Gather", "q_proj.weight_Q4", "q_proj.weight_scales",
                                    "q_proj.weight_zero_point"));
  EXPECT_EQ(q.int_attribute("K", 0), 64);
  EXPECT_EQ(q.int_attribute("N", 0), 48);
  EXPECT_EQ(q.int_attribute("bits", 0), 4);
  EXPECT_EQ(q.int_attribute("block_size", 0), 32);
  EXPECT_FALSE(q.attributes.contains("accuracy_level"));
  EXPECT_EQ(node_named(out.graph, "scores/MatMul").op_type, "MatMul");
  EXPECT_FALSE(out.graph.initializers.contains("q_proj.weight"));
  EXPECT_TRUE(graph::check(out.graph).ok());
  EXPECT_EQ(out.graph.opsets.at("com.microsoft"), 1);
}

// Catches a pass that quantizes along the wrong axis: the codes must be those of the checkpoint's
// own [N, K] rows.
TEST(KQuant, CodesAreThoseOfTheCheckpointRows) {
  const auto out = kquant_quantization(linear_graph(), options(4, 16)).value();
  const quant::BlockFormat format{4, 16, false, quant::Layout::kMatMulNBits};
  std::vector<uint8_t> codes(48 * 32);
  std::vector<float> scales(48 * 4);
  std::vector<uint8_t> zero_points(48 * 2);
  ASSERT_TRUE(
      quant::kquant_rows(linear_weights(48 * 64), 64, format, {codes, scales, zero_points}).ok());
  const auto stored = out.graph.initializers.at("q_proj.weight_Q4");
  EXPECT_EQ(stored.shape(), (tensor::Shape{48, 4, 8}));
  const auto bytes = stored.materialize().value();
  EXPECT_TRUE(std::equal(codes.begin(), codes.end(), bytes.begin(), bytes.end(),
                         [](uint8_t a, std::byte b) { return a == static_cast<uint8_t>(b); }));
  EXPECT_EQ(out.graph.initializers.at("q_proj.weight_scales").to_floats().value(), scales);
  EXPECT_EQ(out.graph.initializers.at("q_proj.weight_zero_point").shape(), (tensor::Shape{48, 2}));
}

// A weight transposed by nobody is [K, N] in the graph: the pass must transpose it itself.
TEST(KQuant, TakesPlainWeightsToo) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{1}, int64_t{64}});
  const auto rows = tensor::floats({48, 64}, linear_weights(48 * 64));
  const auto values = tensor::transpose(rows).materialize().value();
  const Ref w = b.weight("w", tensor::literal({DType::kFloat, {64, 48}}, values));
  b.output("y", b.op("MatMul", {x, w}), DType::kFloat, {int64_t{1}, int64_t{48}});
  const auto plain = kquant_quantization(std::move(b).finish(), options(4, 32)).value();
  const auto lazy = kquant_quantization(linear_graph(), options(4, 32)).value();
  EXPECT_EQ(plain.graph.initializers.at("w_Q4").materialize().value(),
            lazy.graph.initializers.at("q_proj.weight_Q4").materialize().value());
}

TEST(KQuant, SymmetricFormsStoreNoZeroPoint) {
  const auto out = kquant_quantization(linear_graph(), options(8, 64, true)).value();
  EXPECT_EQ(node_named(out.graph, "q_proj/MatMul").inputs.size(), 3u);
  EXPECT_EQ(out.graph.metadata.at("quantization:q_proj.weight_Q8"),
            "k-quant int8, block 64, symmetric");
}

TEST(KQuant, ExcludesByGlobAndSaysSo) {
  KQuantOptions o = options(4, 32);
  o.nodes_to_exclude = {"*lm_head*", "misspelt"};
  const auto out = kquant_quantization(linear_graph(), o).value();
  EXPECT_EQ(out.rewritten, 1);
  EXPECT_EQ(node_named(out.graph, "lm_head/MatMul").op_type, "MatMul");
  std::string text;
  for (const Declined& d : out.declined) text += d.node + ": " + d.reason + "\n";
  EXPECT_THAT(text, HasSubstr("lm_head/MatMul: excluded by the options"));
  EXPECT_THAT(text, HasSubstr("misspelt: this pattern of the options matches no node"));
}

// Catches a warning about the output layer, which only the graph for one token has.
TEST(KQuant, PatternsCountAsMissingOnlyWhenNoGraphOfTheComponentHasThem) {
  const auto pass = bound(&bind_kquant_quantization, R"({
    "block_size": 32, "nodes_to_exclude": ["lm_head*", "misspelt"]})");
  ASSERT_TRUE(pass.ok()) << pass.error().message();
  Builder prefill("prefill");
  const Ref x = prefill.input("x", DType::kFloat, {"n", int64_t{64}});
  prefill.output("y",
                 linear(prefill, x, "q_proj", tensor::floats({48, 64}, linear_weights(48 * 64))),
                 DType::kFloat, {"n", int64_t{48}});
  GraphSet graphs;
  graphs.push_back({Role::kPrefill, 0, std::move(prefill).finish()});
  graphs.push_back({Role::kDecode, 0, linear_graph()});
  const SetOutcome out = pass->run(std::move(graphs), {}).value();
  std::string text;
  for (const Declined& d : out.declined) text += d.node + ": " + d.reason + "\n";
  EXPECT_EQ(text,
            "misspelt: this pattern of the options matches no node\n"
            "lm_head/MatMul: excluded by the options\n");
}

TEST(KQuant, OptionsOfOneNodeOverride) {
  const auto pass = bound(&bind_kquant_quantization, R"({
    "bits": 4, "block_size": 32, "accuracy_level": 4,
    "customized_weight_config": {"lm_head*": {"bits": 8, "group_size": 16}}})");
  ASSERT_TRUE(pass.ok()) << pass.error().message();
  const auto out = pass->run({{Role::kModel, 0, linear_graph()}}, {}).value().graphs[0];
  EXPECT_EQ(node_named(out.graph, "lm_head/MatMul").int_attribute("bits", 0), 8);
  EXPECT_EQ(node_named(out.graph, "lm_head/MatMul").int_attribute("block_size", 0), 16);
  EXPECT_EQ(node_named(out.graph, "q_proj/MatMul").int_attribute("bits", 0), 4);
  EXPECT_EQ(node_named(out.graph, "q_proj/MatMul").int_attribute("accuracy_level", 0), 4);
}

// Catches options that are accepted in silence.
TEST(KQuant, BadOptionsAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"bits": 3})", "'bits' is 3"},
      {R"({"block_size": 48})", "'block_size' is 48"},
      {R"({"block_size": 512})", "'block_size' is 512"},
      {R"({"bits": "four"})", "'bits' must be an integer"},
      {R"({"acuracy_level": 4})", "'acuracy_level' is not a known key"},
      {R"({"accuracy_level": 5})", "'accuracy_level' is 5"},
      {R"({"customized_weight_config": {"a": {"bit": 8}}})", "'customized_weight_config.a.bit'"},
      {R"({"nodes_to_exclude": "lm_head"})", "'nodes_to_exclude' must be an array"},
  };
  for (const auto& [json, message] : cases) {
    const auto pass = bound(&bind_kquant_quantization, json);
    ASSERT_FALSE(pass.ok()) << json;
    EXPECT_THAT(pass.error().message(), HasSubstr(message));
    EXPECT_THAT(pass.error().message(), HasSubstr("recipe.json"));
  }
}

// Two products of one weight.
graph::Graph shared_weight() {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"n", int64_t{64}});
  const Ref w = b.weight("w", tensor::transpose(tensor::floats({6, 64}, linear_weights(6 * 64))));
  b.output("y", b.op("MatMul", {x, w}, "a"), DType::kFloat, {"n", int64_t{6}});
  b.output("z", b.op("MatMul", {x, w}, "b"), DType::kFloat, {"n", int64_t{6}});
  return std::move(b).finish();
}

// Would catch scales of one format with codes of another.
TEST(KQuant, AWeightInTwoFormatsHasNamesForBoth) {
  KQuantOptions wanted = options(4, 32);
  const auto same = checked(kquant_quantization(shared_weight(), wanted));
  EXPECT_EQ(same.graph.nodes[0].inputs, same.graph.nodes[1].inputs);
  EXPECT_EQ(same.graph.initializers.size(), 3U);
  NodeOverride eight;
  eight.bits = 8;
  wanted.overrides = {{"b/MatMul", eight}};
  const auto out = checked(kquant_quantization(shared_weight(), wanted));
  EXPECT_THAT(out.graph.nodes[0].inputs, ElementsAre("x", "w_Q4", "w_scales", "w_zero_point"));
  EXPECT_THAT(out.graph.nodes[1].inputs, ElementsAre("x", "w_Q8", "w_scales_1", "w_zero_point_1"));
  EXPECT_EQ(out.graph.initializers.at("w_zero_point").shape(), (tensor::Shape{6, 1}));
  EXPECT_EQ(out.graph.initializers.at("w_zero_point_1").shape(), (tensor::Shape{6, 2}));
}

// Would catch a model's own value that is written over: by the pass, or by a second one.
TEST(KQuant, NamesThatAreTakenStayWhoseTheyAre) {
  graph::Graph graph = shared_weight();
  graph.initializers["w_scales"] = tensor::floats({2}, {3, 4});
  graph.nodes.push_back({"", "Identity", "i", {"w_scales"}, {"k"}, {}});
  graph.outputs.push_back({"k", DType::kFloat, {int64_t{2}}});
  KQuantOptions first = options(4, 32);
  first.nodes_to_exclude = {"b/MatMul"};
  auto once = checked(kquant_quantization(graph, first));
  EXPECT_THAT(once.graph.nodes[0].inputs, ElementsAre("x", "w_Q4", "w_scales_1", "w_zero_point"));
  const auto twice = checked(kquant_quantization(std::move(once.graph), options(4, 16)));
  EXPECT_THAT(twice.graph.nodes[0].inputs, ElementsAre("x", "w_Q4", "w_scales_1", "w_zero_point"));
  EXPECT_THAT(twice.graph.nodes[1].inputs,
              ElementsAre("x", "w_Q4_1", "w_scales_2", "w_zero_point_1"));
  EXPECT_THAT(twice.graph.initializers.at("w_scales").to_floats().value(), ElementsAre(3, 4));
}

}  // namespace
}  // namespace lapidary::passes
