// What is computed when the graph is built; the numbers of the whole block are tested against the
// reference by the golden tests.
#include "nn/chunked_attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "nn/attention_constants.h"
#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Node;
using graph::Ref;
using ::testing::Each;

ChunkedAttentionShape shape(int64_t chunk, int64_t past, int64_t future) {
  return {.heads = 2,
          .head_dim = 4,
          .chunk = chunk,
          .past = past,
          .future = future,
          .logit_cap = 50.0F,
          .invalid_logit = -1e9F};
}

// One string a query: '#' where it may see the place.
std::vector<std::string> drawing(const ChunkedAttentionShape& s) {
  const std::vector<bool> visible = visible_places(s);
  std::vector<std::string> rows(static_cast<size_t>(s.chunk));
  for (size_t i = 0; i < visible.size(); ++i) {
    rows[i / static_cast<size_t>(s.context())] += visible[i] ? '#' : '.';
  }
  return rows;
}

// Catches windows that start or end one frame off: with 12 frames of context before it, a frame
// sees itself and 11 of them.
TEST(VisiblePlaces, AFrameAndThePastMinusOneBeforeIt) {
  EXPECT_EQ(drawing(shape(3, 3, 0)), (std::vector<std::string>{".###..", "..###.", "...###"}));
  for (const std::string& row : drawing(shape(12, 12, 0))) {
    EXPECT_EQ(std::count(row.begin(), row.end(), '#'), 12);
  }
}

// Catches a look-ahead that counts the frame itself as the past does, or reaches one frame too far.
TEST(VisiblePlaces, TheFutureMinusOneAfterIt) {
  EXPECT_EQ(drawing(shape(2, 2, 3)), (std::vector<std::string>{".####..", "..####."}));
  EXPECT_EQ(drawing(shape(2, 2, 1)), (std::vector<std::string>{".##..", "..##."}));
}

TEST(VisiblePlaces, WithoutPastAFrameDoesNotSeeItself) {
  EXPECT_EQ(drawing(shape(2, 0, 2)), (std::vector<std::string>{".#..", "..#."}));
  const std::vector<bool> nothing = visible_places(shape(2, 0, 0));
  EXPECT_THAT(nothing, Each(false));
}

// Catches sines and cosines interleaved, ascending positions, or timescales that miss 10000.
TEST(RelativePositions, SinesThenCosinesFromHalfTheContextDown) {
  const ChunkedAttentionShape s = shape(4, 4, 0);  // 5 positions, hidden 8: 4 timescales
  const std::vector<float> table = relative_position_table(s);
  ASSERT_EQ(table.size(), 5U * 8U);
  EXPECT_FLOAT_EQ(table[0], std::sin(4.0F));
  EXPECT_FLOAT_EQ(table[3], std::sin(4.0F / 10000.0F));
  EXPECT_FLOAT_EQ(table[4], std::cos(4.0F));
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(table[32 + i], 0.0F) << "the last position is 0";
}

// Catches a division by zero where the reference has max(timescales - 1, 1).
TEST(RelativePositions, OneTimescale) {
  ChunkedAttentionShape s = shape(2, 2, 0);
  s.heads = 1;
  s.head_dim = 2;
  EXPECT_FLOAT_EQ(relative_position_table(s)[0], std::sin(2.0F));
}

// Catches a softplus that overflows, and a factor that is lost.
TEST(AttentionConstants, SoftplusTimesTheFactor) {
  const auto raw = tensor::floats({3}, {0, 1, 200});
  const std::vector<float> scale = query_scale(raw, 2.0).to_floats().value();
  EXPECT_FLOAT_EQ(scale[0], 2 * std::log(2.0F));
  EXPECT_FLOAT_EQ(scale[1], 2 * std::log1p(std::exp(1.0F)));
  EXPECT_FLOAT_EQ(scale[2], 400.0F);
}

// Catches keys of another head, or stored by row: projected by a matrix that doubles and moves each
// channel by one, key (head, i, p) is twice the table's channel before head * head_dim + i.
TEST(AttentionConstants, RelativeKeysAreTheProjectedTableByHead) {
  const ChunkedAttentionShape s = shape(3, 2, 0);
  std::vector<float> matrix(64, 0.0F);
  for (size_t channel = 0; channel < 8; ++channel) matrix[channel * 8 + (channel + 7) % 8] = 2;
  const tensor::Tensor keys = relative_keys(tensor::floats({8, 8}, matrix), s, 0.5);
  EXPECT_EQ(keys.shape(), (tensor::Shape{2, 4, s.positions()}));
  const std::vector<float> table = relative_position_table(s);
  const std::vector<float> actual = keys.to_floats().value();
  const auto positions = static_cast<size_t>(s.positions());
  for (size_t channel = 0; channel < 8; ++channel) {
    for (size_t p = 0; p < positions; ++p) {
      EXPECT_EQ(actual[channel * positions + p], table[p * 8 + (channel + 7) % 8]);
    }
  }
}

// Catches a context that starts late or loses its end, and slices that a gather would do as well.
TEST(FixedChunks, ContextsAreSlicesOneChunkApart) {
  const ChunkedAttentionShape s = shape(3, 2, 1);
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{1}, int64_t{5}, int64_t{8}});
  const Ref mask = b.input("mask", DType::kFloat, {int64_t{2}, int64_t{3}, int64_t{6}});
  const FixedChunks chunks(b, mask, 5, s);
  b.output("y", chunks.contexts(b, x, "keys"), DType::kFloat, {int64_t{2}, int64_t{6}, int64_t{8}});
  const Graph g = std::move(b).finish();
  ASSERT_TRUE(graph::check(g).ok());
  std::vector<std::string> order;
  for (const Node& node : g.nodes) order.push_back(node.op_type);
  EXPECT_THAT(order, ::testing::ElementsAre("Reshape", "Pad", "Slice", "Reshape", "Slice",
                                            "Reshape", "Concat"));
  const auto pads = g.constant(g.nodes[1].inputs[1])->to_integers().value();
  EXPECT_THAT(pads, ::testing::ElementsAre(0, 2, 0, 0, 2, 0)) << "nine rows for two slices of six";
}

Graph block() {
  const ChunkedAttentionShape s = shape(3, 2, 0);
  const auto matrix = tensor::floats({8, 8}, std::vector<float>(64, 1.0F));
  ChunkedAttentionWeights w;
  for (ClippedLinearWeights* linear : {&w.q_proj, &w.k_proj, &w.v_proj, &w.post}) {
    linear->weight = matrix;
  }
  w.relative_k_proj = matrix;
  w.per_dim_scale = tensor::floats({4}, {0, 0, 0, 0});
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"batch", "time", int64_t{8}});
  const Ref mask = b.input("mask", DType::kBool, {"batch", "time"});
  const Ref y = chunked_attention(b, x, "self_attn", w, DynamicChunks(b, mask, s), s);
  b.output("y", y, DType::kFloat, {"batch", "time", int64_t{8}});
  return std::move(b).finish();
}

// Catches a mask before the soft cap (tanh would turn it into -cap), or a cap on one of the terms.
TEST(ChunkedAttention, CapsTheSumAndThenMasks) {
  const Graph g = block();
  ASSERT_TRUE(graph::check(g).ok());
  std::vector<std::string> order;
  for (const Node& node : g.nodes) {
    for (const char* op : {"Tanh", "Where", "Softmax"}) {
      if (node.op_type == op) order.push_back(node.op_type);
    }
    if (node.name == "self_attn.logits/Add") order.push_back(node.op_type);
  }
  EXPECT_THAT(order, ::testing::ElementsAre("Add", "Tanh", "Where", "Softmax"));
}

// Catches linears that a quantization pass would not find: a MatMul with the weight as its second
// operand, under the checkpoint's name.
TEST(ChunkedAttention, LinearsKeepTheNamesOfTheCheckpoint) {
  const Graph g = block();
  for (const char* name : {"q_proj.linear", "k_proj.linear", "v_proj.linear", "post.linear"}) {
    const std::string path = std::string("self_attn.") + name;
    EXPECT_NE(g.constant(path + ".weight"), nullptr) << path;
  }
}

}  // namespace
}  // namespace lapidary::nn
