// What the blocks of image encoders emit. Their numbers are tested against the reference by the
// golden tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "nn/axial_rope.h"
#include "nn/bidirectional_attention.h"
#include "nn/clipped_linear.h"
#include "nn/gated_mlp.h"
#include "nn/grid_pooling.h"
#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Node;
using graph::Ref;
using ::testing::ElementsAre;

int64_t count(const Graph& g, const std::string& op) {
  return std::count_if(g.nodes.begin(), g.nodes.end(),
                       [&](const Node& n) { return n.op_type == op; });
}
const Node& node(const Graph& g, const std::string& op) {
  return *std::find_if(g.nodes.begin(), g.nodes.end(),
                       [&](const Node& n) { return n.op_type == op; });
}
std::vector<int64_t> integers(const Graph& g, const std::string& name) {
  return g.initializers.at(name).to_integers().value();
}

Graph attention(const AttentionShape& shape) {
  Builder b("g");
  const Ref q = b.input("q", DType::kFloat, {"b", "n", shape.heads, shape.head_dim});
  const Ref k = b.input("k", DType::kFloat, {"b", "n", shape.kv_heads, shape.head_dim});
  const Ref masked = b.input("masked", DType::kBool, {"b", "n"});
  const KeyBias bias = key_bias(b, masked, shape.kv_heads, "mask");
  b.output("y", bidirectional_attention(b, q, k, k, bias, shape, "attention"), DType::kFloat,
           {"b", "n", shape.heads * shape.head_dim});
  return std::move(b).finish();
}

// Catches heads that are repeated where there is one each, at the cost of a copy.
TEST(BidirectionalAttention, RepeatsSharedHeadsOnly) {
  EXPECT_EQ(count(attention({4, 4, 8, 0, 1.0F}), "Expand"), 1);  // the mask's
  EXPECT_EQ(count(attention({4, 2, 8, 0, 1.0F}), "Expand"), 3);  // and keys and values
}

// Catches scores scaled by 1 / sqrt(head_dim), the operator's default.
TEST(BidirectionalAttention, StatesItsScale) {
  const Graph g = attention({4, 4, 8, 0, 0.5F});
  EXPECT_EQ(std::get<float>(node(g, "MultiHeadAttention").attributes.at("scale")), 0.5F);
}

Graph clipped(bool with_bounds) {
  Builder b("g");
  ClippedLinearWeights w = {tensor::floats({3, 2}, {1, 2, 3, 4, 5, 6}), std::nullopt};
  const float infinity = std::numeric_limits<float>::infinity();
  if (with_bounds) {
    w.bounds = ClipBounds{tensor::scalar(-1.0F), tensor::scalar(2.0F), tensor::scalar(-3.0F),
                          tensor::scalar(infinity)};
  }
  const Ref x = b.input("x", DType::kFloat, {int64_t{1}, int64_t{2}});
  b.output("y", clipped_linear(b, x, "proj", w), DType::kFloat, {int64_t{1}, int64_t{3}});
  return std::move(b).finish();
}

// Catches bounds of the output applied to the input, and min taken for max.
TEST(ClippedLinear, ClampsBeforeAndAfter) {
  const Graph g = clipped(true);
  ASSERT_EQ(g.nodes.size(), 3U);
  EXPECT_THAT(g.nodes[0].inputs, ElementsAre("x", "proj.input_min", "proj.input_max"));
  EXPECT_EQ(g.nodes[1].inputs[1], "proj.linear.weight");
  EXPECT_THAT(g.nodes[2].inputs,
              ElementsAre(g.nodes[1].outputs[0], "proj.output_min", "proj.output_max"));
}

TEST(ClippedLinear, IsALinearWithoutBounds) {
  const Graph g = clipped(false);
  ASSERT_EQ(g.nodes.size(), 1U);
  EXPECT_THAT(g.nodes[0].inputs, ElementsAre("x", "proj.linear.weight"));
}

// Catches a table of whole heads: x and y have a half each, so the rotated rows are half as wide.
TEST(AxialRope, RotatesTheHalvesOfAHeadAsRows) {
  Builder b("g");
  const Ref positions = b.input("positions", DType::kInt64, {"b", "n", int64_t{2}});
  const Ref x = b.input("x", DType::kFloat, {"b", "n", int64_t{3}, int64_t{8}});
  const RopeTable table = axial_rope_table(b, positions, 3, "rope", rope_frequencies(4, 100, 2, 1));
  b.output("y", apply_axial_rope(b, x, table, 3, 8, "q"), DType::kFloat,
           {"b", "n", int64_t{3}, int64_t{8}});
  const Graph g = std::move(b).finish();
  EXPECT_EQ(count(g, "RotaryEmbedding"), 1);
  EXPECT_EQ(node(g, "RotaryEmbedding").int_attribute("num_heads", 0), 1);
  EXPECT_EQ(g.initializers.at("rope.inv_freq").shape(), (tensor::Shape{1, 1, 2}));
  EXPECT_THAT(integers(g, g.nodes.back().inputs[1]), ElementsAre(0, -1, 3, 8));
}

}  // namespace
}  // namespace lapidary::nn
