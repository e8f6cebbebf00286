// Where SplitModel cuts and what crosses. That parts compute what the whole does is tested on ONNX
// Runtime by tests/decoder_graphs_test.cc and tests/split_random_test.cc.
#include "passes/split_model/split_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "graph/builder.h"
#include "graph/fixed_shapes.h"
#include "passes/split_model/decoder_layers.h"
#include "passes/test_graphs.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Ref;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int64_t kWidth = 4;

// Layer i multiplies by a matrix of rows[i] * 16 bytes and adds what it read; every layer reads the
// table, layer 0 keeps a cache that the last one reads as well.
struct Model {
  std::vector<int64_t> rows = {4, 4, 4, 4};
  int64_t head = 4;  // columns
  bool quantized = false;
  std::string prefix = "model.layers.";

  static Ref encode(Builder& b, const Ref& x, const std::string& at) {
    const Ref scale = b.weight(at + ".scale", tensor::scalar(0.25F));
    const Ref zero = b.weight(at + ".zero", tensor::literal({DType::kUint8, {}}, {std::byte{128}}));
    return b.op("DequantizeLinear", {b.op("QuantizeLinear", {x, scale, zero}, at), scale, zero},
                at);
  }

  Graph build() const {
    Builder b("decoder");
    const graph::SymbolicShape flat = {int64_t{1}, kWidth};
    Ref x = b.input("x", DType::kFloat, flat);
    const Ref table = b.op("Neg", {b.input("table", DType::kFloat, flat)}, "rotary");
    const Ref past = b.input("past", DType::kFloat, flat);
    const Ref present = b.op("Neg", {x}, prefix + "0.key");
    const Ref cache = b.op("Concat", {past, present}, prefix + "0.cache", {{"axis", int64_t{0}}});
    b.output("present", present, DType::kFloat, flat);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto scope = b.enter(prefix + std::to_string(i));
      const auto matrix = [&](int64_t from, int64_t to, const char* name) {
        return b.weight(
            name,
            tensor::floats({from, to}, std::vector<float>(static_cast<size_t>(from * to), 0.5F)));
      };
      const Ref up = b.op("MatMul", {b.op("Add", {x, table}), matrix(kWidth, rows[i], "up")});
      const Ref down = b.op("MatMul", {up, matrix(rows[i], kWidth, "down")}, "down");
      x = b.op("Add", {down, x}, "sum");
      if (i + 1 == rows.size()) {
        x = b.op("Add", {x, b.op("ReduceSum", {cache, b.constant({0})}, "sum")}, "cache");
      }
      if (quantized) x = encode(b, x, "sum");
    }
    const Ref w = b.weight(
        "lm_head.weight",
        tensor::floats({kWidth, head}, std::vector<float>(static_cast<size_t>(kWidth * head))));
    b.output("logits", b.op("MatMul", {x, w}, "lm_head"), DType::kFloat, {int64_t{1}, head});
    return std::move(b).finish();
  }
};

GraphSet decode_of(Graph graph) { return set_of(std::move(graph), Role::kDecode); }

GraphSet split(GraphSet graphs, const SplitOptions& options) {
  auto outcome = split_model(std::move(graphs), options);
  if (!outcome.ok()) throw std::runtime_error(outcome.error().message());
  for (const RoleGraph& each : outcome->graphs) {
    EXPECT_TRUE(graph::check(each.graph).ok()) << graph::print(each.graph);
  }
  return std::move(outcome->graphs);
}

std::string message(Graph graph, const SplitOptions& options) {
  const auto outcome = split_model(decode_of(std::move(graph)), options);
  return outcome.ok() ? "accepted" : outcome.error().message();
}

std::vector<std::string> names(const std::vector<graph::ValueInfo>& ports) {
  std::vector<std::string> out;
  for (const auto& port : ports) out.push_back(port.name);
  return out;
}

TEST(DecoderLayers, AreToldFromNames) {
  const auto layer = [](const std::string& name) {
    return layer_named_by({"", "Add", name, {}, {"layers.9.y"}, {}}).value_or(-1);
  };
  EXPECT_EQ(layer("model.language_model.layers.12.mlp/Add"), 12);
  EXPECT_EQ(layer("/model/layers.3/mlp/MatMul"), 3);
  EXPECT_EQ(layer("/model/layers/7/Add"), 7);
  EXPECT_EQ(layer("layers.4"), 4);
  EXPECT_EQ(layer(""), 9);  // by its output
  EXPECT_EQ(layer("model.players.3.x"), -1);
  EXPECT_EQ(layer("layers.3rd.x"), -1);
  EXPECT_EQ(layer("layers.99999999999999999999.x"), -1);
  EXPECT_EQ(layer("lm_head/MatMul"), -1);
}

TEST(SplitModel, HandsOverTheHiddenStateAlone) {
  const GraphSet parts = split(decode_of(Model{}.build()), {.num_splits = 2});
  ASSERT_THAT(parts, SizeIs(2));
  EXPECT_EQ(file_stem(parts[1]), "decode.1");
  EXPECT_EQ(file_stem(split(set_of(Model{}.build(), Role::kModel), {.num_splits = 2})[1]),
            "model.1");
  EXPECT_THAT(names(parts[0].graph.inputs), ElementsAre("x", "table"));
  // The cache is joined again from what the graph was given and gives anyway.
  EXPECT_THAT(names(parts[1].graph.inputs),
              ElementsAre("table", "past", "present", "model.layers.1.sum/Add"));
  EXPECT_THAT(names(parts[0].graph.outputs), ElementsAre("present", "model.layers.1.sum/Add"));
  EXPECT_THAT(names(parts[1].graph.outputs), ElementsAre("logits"));
  const graph::ValueInfo& port = parts[1].graph.inputs[3];
  EXPECT_EQ(port.dtype, DType::kFloat);
  EXPECT_EQ(port.shape, (graph::SymbolicShape{int64_t{1}, kWidth}));
}

TEST(SplitModel, HandsOverIntegersWithTheirEncoding) {
  const GraphSet parts = split(decode_of(Model{.quantized = true}.build()), {.num_splits = 2});
  const std::string name = "model.layers.1.sum/QuantizeLinear";
  const graph::ValueInfo& port = parts[0].graph.outputs.back();
  EXPECT_EQ(port.name, name);
  EXPECT_EQ(port.dtype, DType::kUint8);
  EXPECT_EQ(parts[1].graph.inputs.back().name, name);
  for (const RoleGraph& part : parts) {
    EXPECT_EQ(part.graph.metadata.at("encoding:" + name),
              R"({"dtype":"uint8","scale":0.25,"zero_point":128})");
  }
}

TEST(SplitModel, BalancesBytes) {
  const auto first_bytes = [](const Model& model, int64_t parts) {
    const GraphSet made = split(decode_of(model.build()), {.num_splits = parts});
    std::vector<std::string> weights;
    for (const auto& [name, tensor] : made[0].graph.initializers) {
      if (name.ends_with("up")) weights.push_back(name);
    }
    return weights;
  };
  EXPECT_THAT(first_bytes({.rows = {4, 4, 4, 40}}, 2), SizeIs(3));
  EXPECT_THAT(first_bytes({.rows = {40, 4, 4, 4}}, 2), SizeIs(1));
  EXPECT_THAT(first_bytes({.rows = {4, 4, 4, 4}, .head = 400}, 2), SizeIs(4));  // the head alone
}

TEST(SplitModel, TakesAsFewPartsAsFit) {
  // 4 * 4 * 2 floats a layer.
  EXPECT_THAT(split(decode_of(Model{}.build()), {.max_bytes = 4096}), SizeIs(1));
  EXPECT_THAT(split(decode_of(Model{}.build()), {.max_bytes = 300}), SizeIs(3));
  EXPECT_THAT(split(decode_of(Model{}.build()), {.max_bytes = 160}), SizeIs(5));
}

// All graphs are cut at the same layers, also one that ends early.
TEST(SplitModel, LeavesOutPartsOfAShorterGraph) {
  GraphSet set = set_of(Model{.rows = {4}}.build(), Role::kPrefill);
  std::erase_if(set[0].graph.outputs, [](const auto& output) { return output.name == "logits"; });
  graph::remove_unused(set[0].graph);
  set.push_back({Role::kDecode, 0, Model{}.build()});
  set.push_back({Role::kCalibration, 0, Model{}.build()});
  const GraphSet parts = split(std::move(set), {.num_splits = 2});
  EXPECT_THAT(stems(parts), ElementsAre("prefill.0", "decode.0", "decode.1", "calibration.0"));
}

TEST(SplitModel, OnePartIsTheWhole) {
  const Graph whole = Model{}.build();
  const GraphSet parts = split(decode_of(whole), {.num_splits = 1});
  ASSERT_THAT(parts, SizeIs(1));
  EXPECT_EQ(graph::print(parts[0].graph), graph::print(whole));
}

TEST(SplitModel, SaysWhatDoesNotFit) {
  EXPECT_THAT(message(Model{.rows = {4, 4, 60, 4}}.build(), {.max_bytes = 1000}),
              HasSubstr("layer 2 alone has 1920 bytes"));
  EXPECT_THAT(message(Model{.head = 400}.build(), {.max_bytes = 1000}),
              HasSubstr("what follows layer 3 alone has 6400 bytes"));
  EXPECT_THAT(message(Model{}.build(), {.num_splits = 9}), HasSubstr("9 for 5 layers"));
  EXPECT_THAT(message(Model{.prefix = "block"}.build(), {.num_splits = 2}),
              HasSubstr("no node is named after a layer"));
  GraphSet twice = split(decode_of(Model{}.build()), {.num_splits = 2});
  const auto again = split_model(std::move(twice), {.num_splits = 2});
  ASSERT_FALSE(again.ok());
  EXPECT_THAT(again.error().message(), HasSubstr("split already"));
  Graph open = Model{}.build();
  open.inputs[0].shape[0] = "batch";
  EXPECT_THAT(message(std::move(open), {.num_splits = 2}), HasSubstr("batch"));
}

TEST(SplitModel, WantsOneOfItsOptions) {
  const auto said = [](const std::string& json) { return verdict(&bind_split_model, json); };
  EXPECT_EQ(said(R"({"num_splits": 2})"), "accepted");
  EXPECT_EQ(said(R"({"max_bytes": 2000000})"), "accepted");
  EXPECT_THAT(said("{}"), HasSubstr("give one of num_splits and max_bytes"));
  EXPECT_THAT(said(R"({"num_splits": 2, "max_bytes": 1})"), HasSubstr("give one of"));
  EXPECT_THAT(said(R"({"num_splits": 2, "split_assignments": {}})"),
              HasSubstr("split_assignments"));
}

}  // namespace
}  // namespace lapidary::passes
