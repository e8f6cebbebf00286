// For tests of passes: the target, small graphs that several of them rewrite, what tests ask of a
// graph, and a pass as a recipe has it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "graph/builder.h"
#include "graph/fixed_shapes.h"
#include "passes/pass.h"
#include "target/record.h"
#include "tensor/expressions.h"
#include "weights/testing/random_weights.h"

namespace lapidary::passes {

// What passes get where no chip is named.
inline const target::QuantizationTraits& htp() {
  static const target::QuantizationTraits traits = target::traits_of(std::nullopt).value();
  return traits;
}

// A target that nobody makes: takes every form as written, and LPBQ of other blocks than the HTP.
inline target::QuantizationTraits invented_target() {
  return {.target = "an invented target",
          .lpbq = target::LpbqBlocks{.smallest = 8, .multiple = 24, .largest = 96}};
}

using weights::test_weights;

constexpr int64_t kTestWidth = 16;
constexpr int64_t kTestRows = 6;
constexpr int64_t kTestPast = 4;

// The attention block.
//
//   x [6, 16], past [4, 16] -> y [6, 16], present [10, 16]
//
// norm -> q, k, v; present = past and k; softmax(q present^T) v'; o; residual; Tanh.
inline graph::Graph attention_graph() {
  using graph::Ref;
  graph::Builder b("attention");
  const auto linear = [&](const Ref& x, const std::string& name, uint32_t seed) {
    const auto rows =
        tensor::floats({kTestWidth, kTestWidth}, test_weights(kTestWidth * kTestWidth, seed));
    return b.op("MatMul", {x, b.weight(name + ".weight", tensor::transpose(rows))}, name);
  };
  const Ref x = b.input("x", DType::kFloat, {kTestRows, kTestWidth});
  const Ref past = b.input("past", DType::kFloat, {kTestPast, kTestWidth});
  const Ref gamma = b.weight("norm.weight", tensor::floats({kTestWidth}, test_weights(16, 77)));
  const Ref h = b.op("RMSNormalization", {x, gamma}, "norm", {{"epsilon", 1e-6F}});
  const Ref q = linear(h, "q", 1);
  const Ref k = linear(h, "k", 2);
  const Ref v = linear(h, "v", 3);
  const Ref keys = b.op("Concat", {past, k}, "keys", {{"axis", int64_t{0}}});
  const Ref keys_t = b.op("Transpose", {keys}, "keys_t", {{"perm", std::vector<int64_t>{1, 0}}});
  const Ref values = b.op("Concat", {past, v}, "values", {{"axis", int64_t{0}}});
  const Ref scores = b.op("MatMul", {q, keys_t}, "scores");
  const Ref scaled = b.op("Mul", {scores, b.constant_scalar(0.25F)}, "scaled");
  const Ref shares = b.op("Softmax", {scaled}, "shares");
  const Ref mixed = b.op("MatMul", {shares, values}, "mixed");
  const Ref o = linear(mixed, "o", 4);
  const Ref sum = b.op("Add", {x, o}, "sum");
  b.output("present", keys, DType::kFloat, {kTestPast + kTestRows, kTestWidth});
  b.output("y", b.op("Tanh", {sum}, "out"), DType::kFloat, {kTestRows, kTestWidth});
  return std::move(b).finish();
}

// x W^T with the weight transposed lazily, as the builders emit it.
inline graph::Ref linear(graph::Builder& b, const graph::Ref& x, const std::string& name,
                         const tensor::Tensor& weight) {
  return b.op("MatMul", {x, b.weight(name + ".weight", tensor::transpose(weight))}, name);
}

// Two sublayers of a decoder like Gemma 4's, x [4, 16] -> y [3, 16]: norm, product, norm, residual;
// then for rows 1..3 a gate that reads the residual stream, a product, norm, residual; the layer's
// scalar, the final norm, a product. `gain` is that of the norms behind sublayers.
inline graph::Graph residual_graph(float gain = 1) {
  using graph::Ref;
  graph::Builder b("decoder");
  uint32_t seed = 40;
  const auto product = [&](const Ref& x, const std::string& name) {
    return linear(
        b, x, name,
        tensor::floats({kTestWidth, kTestWidth}, test_weights(kTestWidth * kTestWidth, ++seed)));
  };
  const auto norm = [&](const Ref& x, const std::string& name, float by = 1) {
    const auto gamma = tensor::floats({kTestWidth}, test_weights(kTestWidth, ++seed));
    return b.op("RMSNormalization", {x, b.weight(name + ".weight", tensor::scale(gamma, by))}, name,
                {{"axis", int64_t{-1}}, {"epsilon", 1e-6F}});
  };
  const Ref x = b.input("x", DType::kFloat, {int64_t{4}, kTestWidth});
  const Ref down = product(norm(x, "in_norm"), "down");
  Ref h = b.op("Add", {x, norm(down, "post_norm", gain)}, "mlp");
  h = b.op("Slice", {h, b.constant({1}), b.constant({4}), b.constant({0})}, "keep");
  const Ref gate = b.op("Tanh", {product(h, "gate")}, "act");
  h = b.op("Add", {h, norm(product(gate, "projection"), "post_ple_norm", gain)}, "ple");
  h = b.op("Mul", {h, b.weight("layer_scalar", tensor::floats({1}, {0.75F}))}, "layer_scalar");
  b.output("y", product(norm(h, "norm"), "head"), DType::kFloat, {int64_t{3}, kTestWidth});
  return std::move(b).finish();
}

// The weights of linear_graph, all from the same place.
inline std::vector<float> linear_weights(int64_t n) { return test_weights(n, 12345); }

// ids -> Gather -> q_proj -> lm_head, and a product of two activations.
inline graph::Graph linear_graph() {
  using graph::Ref;
  graph::Builder b("g");
  const Ref ids = b.input("ids", DType::kInt64, {"n"});
  const Ref table = b.weight("embed.weight", tensor::floats({20, 64}, linear_weights(20 * 64)));
  Ref x = b.op("Gather", {table, ids}, "embed", {{"axis", int64_t{0}}});
  x = linear(b, x, "q_proj", tensor::floats({48, 64}, linear_weights(48 * 64)));
  x = b.op("MatMul", {x, b.op("Transpose", {x}, "t")}, "scores");
  x = linear(b, x, "lm_head", tensor::floats({32, 48}, linear_weights(32 * 48)));
  b.output("y", x, DType::kFloat, {"n", int64_t{32}});
  return std::move(b).finish();
}

inline graph::SymbolicShape dims(std::initializer_list<int64_t> sizes) {
  return {sizes.begin(), sizes.end()};
}

// A decoder of 4 heads over 2 heads of keys and values, 8 wide: layer 0 appends, layer 1 uses layer
// 0's cache.
struct GroupedAttention {
  int64_t batch = 1;
  int64_t shared_window = 16;
  graph::Attributes extra = {};
  bool other_reader = false;

  graph::Graph build() const {
    using graph::Ref;
    graph::Builder b("decoder");
    const Ref q = b.input("q", DType::kFloat, dims({batch, 3, 32}));
    const Ref k = b.input("k", DType::kFloat, dims({batch, 3, 16}));
    const Ref none = b.input("none", DType::kFloat, dims({batch, 0, 16}));
    const Ref past_key = b.input("past.key", DType::kFloat, dims({batch, 2, 15, 8}));
    const Ref past_value = b.input("past.value", DType::kFloat, dims({batch, 2, 15, 8}));
    const Ref last = b.input("last", DType::kInt32, dims({batch}));
    const Ref total = b.input("total", DType::kInt32, {});
    const auto attributes = [&](int64_t window) {
      graph::Attributes out = extra;
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

// k' = x w; present = Neg'd k' moved; in the graph that attends, joined with the past and
// multiplied by q.
inline graph::Graph cache_graph(bool attends) {
  using graph::Ref;
  graph::Builder b("g");
  const graph::SymbolicShape rows = {int64_t{2}, int64_t{4}};
  const Ref x = b.input("x", DType::kFloat, rows);
  const auto weights = [](float value) {
    return tensor::floats({4, 4}, std::vector<float>(16, value));
  };
  const Ref k = b.op("MatMul", {x, b.weight("k.weight", weights(1))}, "k");
  const Ref present = b.op("Reshape", {k, b.constant({2, 4})}, "rows");
  if (attends) {
    const Ref past = b.input("past", DType::kFloat, {int64_t{6}, int64_t{4}});
    const Ref keys = b.op("Concat", {past, present}, "keys", {{"axis", int64_t{0}}});
    const Ref turned = b.op("Transpose", {keys}, "keys", {{"perm", std::vector<int64_t>{1, 0}}});
    const Ref q = b.op("MatMul", {x, b.weight("q.weight", weights(2))}, "q");
    b.output("y", b.op("MatMul", {q, turned}, "scores"), DType::kFloat, {int64_t{2}, int64_t{8}});
  }
  b.output("present", present, DType::kFloat, rows);
  return std::move(b).finish();
}

// Without a past; and what nobody else needs.
inline graph::Graph cache_calibration_graph() {
  graph::Graph graph = cache_graph(true);
  std::erase_if(graph.inputs, [](const auto& input) { return input.name == "past"; });
  for (graph::Node& node : graph.nodes) std::erase(node.inputs, "past");
  return graph;
}

// Prefill, decode and calibration.
inline GraphSet cache_set() {
  GraphSet set;
  set.push_back({Role::kPrefill, 0, cache_graph(false)});
  set.push_back({Role::kDecode, 0, cache_graph(true)});
  set.push_back({Role::kCalibration, 0, cache_calibration_graph()});
  return set;
}

// The types of its nodes.
inline std::vector<std::string> ops(const graph::Graph& graph) {
  std::vector<std::string> out;
  for (const graph::Node& node : graph.nodes) out.push_back(node.op_type);
  return out;
}

inline const graph::Node& node_named(const graph::Graph& graph, const std::string& name) {
  for (const graph::Node& node : graph.nodes) {
    if (node.name == name) return node;
  }
  throw std::runtime_error("no node " + name);
}

inline bool has_node(const graph::Graph& graph, const std::string& name) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [&](const graph::Node& node) { return node.name == name; });
}

inline bool has_op(const graph::Graph& graph, const std::string& op_type) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [&](const graph::Node& node) { return node.op_type == op_type; });
}

// In a graph of fixed shapes.
inline tensor::Shape shape_of(const graph::Graph& graph, const std::string& value) {
  return graph::infer_shapes(graph).value().shapes.at(value);
}

// What a pass made, which must be a sound graph.
inline PassOutcome checked(Result<PassOutcome> outcome) {
  if (!outcome.ok()) throw std::runtime_error(outcome.error().message());
  const Status sound = graph::check(outcome->graph);
  EXPECT_TRUE(sound.ok()) << sound.error().message() << "\n" << graph::print(outcome->graph);
  return std::move(*outcome);
}

// One range for all of them.
inline quant::Ranges ranges_of(const std::vector<std::string>& values, const quant::Range& range) {
  quant::Ranges out;
  for (const std::string& value : values) EXPECT_TRUE(out.set(value, range).ok());
  return out;
}

// On the HTP, with that range for everything asked for.
inline PassContext calibrated_to(const quant::Range& range) {
  PassContext context;
  context.traits = htp();
  context.calibrate = [range](const CalibrationRequest& request) -> Result<quant::Ranges> {
    quant::Ranges out;
    for (const std::string& value : request.values) LAP_RETURN_IF_ERROR(out.set(value, range));
    return out;
  };
  return context;
}

inline GraphSet set_of(graph::Graph graph, Role role = Role::kModel) {
  GraphSet out;
  out.push_back({role, 0, std::move(graph)});
  return out;
}

inline std::vector<std::string> stems(const GraphSet& set) {
  std::vector<std::string> out;
  for (const RoleGraph& each : set) out.push_back(file_stem(each));
  return out;
}

// A row of the registry reads options like this.
using Bind = BoundPass (*)(JsonReader&);

// The pass, or what is wrong with its options.
inline Result<BoundPass> bound(Bind bind, const std::string& json) {
  const auto document = JsonDocument::parse(json, "recipe.json").value();
  JsonReader reader = document.root();
  BoundPass pass = bind(reader);
  LAP_RETURN_IF_ERROR(document.finish());
  return pass;
}

// "accepted", or the message of what is wrong with the options.
inline std::string verdict(Bind bind, const std::string& json) {
  const auto pass = bound(bind, json);
  return pass.ok() ? "accepted" : pass.error().message();
}

}  // namespace lapidary::passes
