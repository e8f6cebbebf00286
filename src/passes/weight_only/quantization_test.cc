// OnnxKQuantQuantization and OnnxBlockWiseRtnQuantization as graph rewrites; their numbers are
// tested in quant/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "passes/weight_only/blockwise_rtn_quantization.h"
#include "passes/weight_only/kquant_quantization.h"
#include "quant/kquant.h"
#include "quant/rtn.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Node;
using graph::Ref;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> weights(int64_t n) {
  std::vector<float> out(static_cast<size_t>(n));
  uint32_t state = 12345;
  for (float& x : out) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<float>(static_cast<int32_t>(state)) / 2147483648.0f;
  }
  return out;
}

// x W^T with the weight transposed lazily, as the builders emit it.
Ref linear(Builder& b, const Ref& x, const std::string& name, const tensor::Tensor& weight) {
  return b.op("MatMul", {x, b.weight(name + ".weight", tensor::transpose(weight))}, name);
}

// ids -> Gather -> q_proj -> lm_head, and a product of two activations.
Graph model() {
  Builder b("g");
  const Ref ids = b.input("ids", DType::kInt64, {"n"});
  const Ref table = b.weight("embed.weight", tensor::floats({20, 64}, weights(20 * 64)));
  Ref x = b.op("Gather", {table, ids}, "embed", {{"axis", int64_t{0}}});
  x = linear(b, x, "q_proj", tensor::floats({48, 64}, weights(48 * 64)));
  x = b.op("MatMul", {x, b.op("Transpose", {x}, "t")}, "scores");
  x = linear(b, x, "lm_head", tensor::floats({32, 48}, weights(32 * 48)));
  b.output("y", x, DType::kFloat, {"n", int64_t{32}});
  return std::move(b).finish();
}

const Node& node_named(const Graph& g, const std::string& name) {
  for (const Node& node : g.nodes) {
    if (node.name == name) return node;
  }
  throw std::runtime_error("no node " + name);
}

KQuantOptions options(int bits, int block, bool symmetric = false) {
  KQuantOptions out;
  out.format.bits = bits;
  out.format.block_size = block;
  out.format.symmetric = symmetric;
  return out;
}

BoundPass bind(const std::string& type, const std::string& json, Status& status) {
  auto doc = JsonDocument::parse(json, "recipe.json").value();
  JsonReader reader = doc.root();
  BoundPass pass = (*find_pass(type, "recipe.json"))->bind(reader);
  status = doc.finish();
  return pass;
}

TEST(KQuant, RewritesConstantProductsAndKeepsTheirNames) {
  const auto out = kquant_quantization(model(), options(4, 32)).value();
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
  const auto out = kquant_quantization(model(), options(4, 16)).value();
  const quant::BlockFormat format{4, 16, false, quant::Layout::kMatMulNBits};
  std::vector<uint8_t> codes(48 * 32);
  std::vector<float> scales(48 * 4);
  std::vector<uint8_t> zero_points(48 * 2);
  ASSERT_TRUE(quant::kquant_rows(weights(48 * 64), 64, format, {codes, scales, zero_points}).ok());
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
  const auto rows = tensor::floats({48, 64}, weights(48 * 64));
  const auto values = tensor::transpose(rows).materialize().value();
  const Ref w = b.weight("w", tensor::literal({DType::kFloat, {64, 48}}, values));
  b.output("y", b.op("MatMul", {x, w}), DType::kFloat, {int64_t{1}, int64_t{48}});
  const auto plain = kquant_quantization(std::move(b).finish(), options(4, 32)).value();
  const auto lazy = kquant_quantization(model(), options(4, 32)).value();
  EXPECT_EQ(plain.graph.initializers.at("w_Q4").materialize().value(),
            lazy.graph.initializers.at("q_proj.weight_Q4").materialize().value());
}

TEST(KQuant, SymmetricFormsStoreNoZeroPoint) {
  const auto out = kquant_quantization(model(), options(8, 64, true)).value();
  EXPECT_EQ(node_named(out.graph, "q_proj/MatMul").inputs.size(), 3u);
  EXPECT_EQ(out.graph.metadata.at("quantization:q_proj.weight_Q8"),
            "k-quant int8, block 64, symmetric");
}

TEST(KQuant, ExcludesByGlobAndSaysSo) {
  KQuantOptions o = options(4, 32);
  o.nodes_to_exclude = {"*lm_head*", "misspelt"};
  const auto out = kquant_quantization(model(), o).value();
  EXPECT_EQ(out.rewritten, 1);
  EXPECT_EQ(node_named(out.graph, "lm_head/MatMul").op_type, "MatMul");
  std::string text;
  for (const Declined& d : out.declined) text += d.node + ": " + d.reason + "\n";
  EXPECT_THAT(text, HasSubstr("lm_head/MatMul: excluded by the options"));
  EXPECT_THAT(text, HasSubstr("misspelt: this pattern of the options matches no node"));
}

// Catches a warning about the output layer, which only the graph for one token has.
TEST(KQuant, PatternsCountAsMissingOnlyWhenNoGraphOfTheComponentHasThem) {
  Status status;
  const BoundPass pass = bind("OnnxKQuantQuantization", R"({
    "block_size": 32, "nodes_to_exclude": ["lm_head*", "misspelt"]})",
                              status);
  ASSERT_TRUE(status.ok()) << status.error().message();
  Builder prefill("prefill");
  const Ref x = prefill.input("x", DType::kFloat, {"n", int64_t{64}});
  prefill.output("y", linear(prefill, x, "q_proj", tensor::floats({48, 64}, weights(48 * 64))),
                 DType::kFloat, {"n", int64_t{48}});
  GraphSet graphs;
  graphs.push_back({Role::kPrefill, 0, std::move(prefill).finish()});
  graphs.push_back({Role::kDecode, 0, model()});
  const SetOutcome out = pass.run(std::move(graphs), {}).value();
  std::string text;
  for (const Declined& d : out.declined) text += d.node + ": " + d.reason + "\n";
  EXPECT_EQ(text,
            "misspelt: this pattern of the options matches no node\n"
            "lm_head/MatMul: excluded by the options\n");
}

TEST(KQuant, OptionsOfOneNodeOverride) {
  Status status;
  const BoundPass pass = bind("OnnxKQuantQuantization", R"({
    "bits": 4, "block_size": 32, "accuracy_level": 4,
    "customized_weight_config": {"lm_head*": {"bits": 8, "group_size": 16}}})",
                              status);
  ASSERT_TRUE(status.ok()) << status.error().message();
  const auto out = pass.run({{Role::kModel, 0, model()}}, {}).value().graphs[0];
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
    Status status;
    bind("OnnxKQuantQuantization", json, status);
    ASSERT_FALSE(status.ok()) << json;
    EXPECT_THAT(status.error().message(), HasSubstr(message));
    EXPECT_THAT(status.error().message(), HasSubstr("recipe.json"));
  }
}

TEST(Rtn, RewritesGathersToTables) {
  BlockwiseRtnOptions o = options(8, 32, true);
  o.nodes_to_include = {"embed/*"};
  const auto out = blockwise_rtn_quantization(model(), o).value();
  EXPECT_EQ(out.rewritten, 1);
  const Node& gather = node_named(out.graph, "embed/Gather");
  EXPECT_EQ(gather.qualified_op(), "com.microsoft::GatherBlockQuantized");
  EXPECT_THAT(gather.inputs, ElementsAre("embed.weight_Q8", "ids", "embed.weight_scales"));
  EXPECT_EQ(out.graph.initializers.at("embed.weight_Q8").shape(), (tensor::Shape{20, 64}));
  EXPECT_EQ(gather.int_attribute("quantize_axis", 0), 1);
}

TEST(Rtn, DefaultsAreOlives) {
  Status status;
  const BoundPass pass = bind("OnnxBlockWiseRtnQuantization", "{}", status);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(pass.options.at("block_size"), 128);
  EXPECT_EQ(pass.options.at("is_symmetric"), true);
  EXPECT_EQ(pass.options.at("bits"), 4);
}

TEST(Registry, UnknownPassesListTheKnown) {
  const auto found = find_pass("OnnxQuantisation", "recipe.json: passes.q");
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(found.error().message(), HasSubstr("'OnnxQuantisation'"));
  EXPECT_THAT(found.error().message(), HasSubstr("OnnxKQuantQuantization"));
}

}  // namespace
}  // namespace lapidary::passes
