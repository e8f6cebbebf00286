// What the conformer's blocks emit; their numbers are tested against the reference by the golden
// tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "nn/activation_clamp.h"
#include "nn/conformer_feed_forward.h"
#include "nn/light_convolution.h"
#include "nn/subsampling.h"
#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Node;
using graph::Ref;
using ::testing::ElementsAre;

constexpr float kUnlimited = std::numeric_limits<float>::infinity();

tensor::Tensor ones(const tensor::Shape& shape) {
  return tensor::floats(
      shape, std::vector<float>(static_cast<size_t>(tensor::element_count(shape)), 1.0F));
}

std::vector<const Node*> nodes(const Graph& g, const std::string& op) {
  std::vector<const Node*> found;
  for (const Node& node : g.nodes) {
    if (node.op_type == op) found.push_back(&node);
  }
  return found;
}

Graph feed_forward(float limit) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"batch", "time", int64_t{2}});
  ConformerFeedForwardWeights w;
  w.pre_layer_norm = w.post_layer_norm = ones({2});
  w.ffw_layer_1.weight = ones({8, 2});
  w.ffw_layer_2.weight = ones({2, 8});
  const Ref y = conformer_feed_forward(
      b, x, "ffn", w, {.eps = 1e-6, .residual_weight = 0.5F, .activation_limit = limit});
  b.output("y", y, DType::kFloat, {"batch", "time", int64_t{2}});
  return std::move(b).finish();
}

// Catches a clamp that costs time where the config asks for none, and one that is lost.
TEST(ConformerFeedForward, ClampsBothNormsWhenThereIsALimit) {
  EXPECT_EQ(nodes(feed_forward(kUnlimited), "Clip").size(), 0U);
  const Graph g = feed_forward(3.0F);
  const auto clips = nodes(g, "Clip");
  ASSERT_EQ(clips.size(), 2U);
  EXPECT_EQ(g.constant(clips[0]->inputs[1])->to_floats().value(), (std::vector<float>{-3.0F}));
  EXPECT_EQ(g.constant(clips[0]->inputs[2])->to_floats().value(), (std::vector<float>{3.0F}));
}

// Catches a residual taken from the clamped input: the reference adds what came in.
TEST(ConformerFeedForward, TheResidualIsTheUnclampedInput) {
  const Graph g = feed_forward(3.0F);
  EXPECT_THAT(nodes(g, "Add").back()->inputs, ::testing::Contains("x"));
}

// Catches a convolution that sees the future, or mixes channels.
TEST(LightConvolution, PadsOnlyThePast) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"batch", "time", int64_t{3}});
  LightConvolutionWeights w;
  w.pre_layer_norm = w.conv_norm = ones({3});
  w.linear_start.weight = ones({6, 3});
  w.depthwise_conv1d = ones({3, 1, 5});
  w.linear_end.weight = ones({3, 3});
  const Ref y =
      light_convolution(b, x, "lconv1d", w, {.eps = 1e-6, .activation_limit = kUnlimited});
  b.output("y", y, DType::kFloat, {"batch", "time", int64_t{3}});
  const Graph g = std::move(b).finish();
  ASSERT_TRUE(graph::check(g).ok());
  const auto convolutions = nodes(g, "Conv");
  ASSERT_EQ(convolutions.size(), 1U);
  EXPECT_EQ(convolutions[0]->int_attribute("group", 0), 3);
  EXPECT_THAT(std::get<std::vector<int64_t>>(convolutions[0]->attributes.at("pads")),
              ElementsAre(4, 0));
  EXPECT_EQ(convolutions[0]->inputs[1], "lconv1d.depthwise_conv1d.weight");
}

// Catches features of padding that reach real frames through the kernel: the mask comes first.
TEST(Subsampling, MasksBeforeItConvolves) {
  Builder b("g");
  const Spectrogram x = {b.input("x", DType::kFloat, {"batch", "time", int64_t{7}, int64_t{1}}), 7};
  const Ref keep = b.input("keep", DType::kFloat, {"batch", "time"});
  const Spectrogram y = subsample(b, x, keep, "layer0", {ones({8, 1, 3, 3}), ones({8})}, 1e-3);
  EXPECT_EQ(y.bins, 4);
  b.output("y", y.values, DType::kFloat, {"batch", "half", int64_t{4}, int64_t{8}});
  const Graph g = std::move(b).finish();
  ASSERT_TRUE(graph::check(g).ok());
  std::vector<std::string> order;
  for (const Node& node : g.nodes) {
    if (node.op_type != "Transpose" && node.op_type != "Reshape") order.push_back(node.op_type);
  }
  EXPECT_THAT(order, ElementsAre("Unsqueeze", "Mul", "Conv", "LayerNormalization", "Relu"));
  EXPECT_EQ(std::get<float>(nodes(g, "LayerNormalization")[0]->attributes.at("epsilon")), 1e-3F);
  EXPECT_EQ(nodes(g, "LayerNormalization")[0]->inputs.size(), 2U) << "there is no bias";
}

}  // namespace
}  // namespace lapidary::nn
