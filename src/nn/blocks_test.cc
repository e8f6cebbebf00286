// What the blocks emit. Their numbers are tested against the reference by the golden tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "nn/attention.h"
#include "nn/linear.h"
#include "nn/rms_norm.h"
#include "nn/rope.h"
#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

using graph::Builder;
using graph::Ref;

// Catches exponents taken over the rotated part instead of the full head dim.
TEST(Rope, ProportionalFrequenciesUseTheFullHeadDim) {
  const auto f = rope_frequencies(64, 1e6, 8, 1.0);
  ASSERT_EQ(f.size(), 32u);
  EXPECT_FLOAT_EQ(f[0], 1.0f);
  EXPECT_FLOAT_EQ(f[1], static_cast<float>(std::pow(1e6, -2.0 / 64)));
  EXPECT_GT(f[7], 0.0f);
  for (size_t i = 8; i < f.size(); ++i) EXPECT_EQ(f[i], 0.0f);
}

TEST(Rope, FactorDividesTheAngles) { EXPECT_FLOAT_EQ(rope_frequencies(8, 1e4, 4, 2.0)[0], 0.5f); }

// Catches a linear that stores its weight untransposed, or loses the checkpoint's layout.
TEST(Linear, TransposesLazily) {
  Builder b("g");
  const auto weight = tensor::floats({3, 2}, {1, 2, 3, 4, 5, 6});
  const Ref x = b.input("x", DType::kFloat, {int64_t{1}, int64_t{2}});
  b.output("y", linear(b, x, "proj", weight), DType::kFloat, {int64_t{1}, int64_t{3}});
  const graph::Graph g = std::move(b).finish();
  const auto& stored = g.initializers.at("proj.weight");
  EXPECT_EQ(stored.shape(), (tensor::Shape{2, 3}));
  EXPECT_EQ(tensor::transposed_operand(stored).producer(), weight.producer());
}

// The reference multiplies by w, not by 1 + w: the stored weight is the checkpoint's.
TEST(RmsNorm, StoresTheWeightAsItIs) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{1}, int64_t{2}});
  b.output("y", rms_norm(b, x, "norm", tensor::floats({2}, {0.5f, 2}), 1e-6), DType::kFloat,
           {int64_t{1}, int64_t{2}});
  const graph::Graph g = std::move(b).finish();
  EXPECT_EQ(g.initializers.at("norm.weight").to_floats().value(), (std::vector<float>{0.5f, 2}));
  EXPECT_EQ(std::get<float>(g.nodes[0].attributes.at("epsilon")), 1e-6f);
}

TEST(Attention, OnlyWindowedLayersCarryAWindow) {
  Builder b("g");
  const Ref q = b.input("q", DType::kFloat, {"b", "s", int64_t{8}});
  const Ref k = b.input("k", DType::kFloat, {"b", "c", "n", int64_t{4}});
  const KvLength length{b.input("last", DType::kInt32, {"b"}), b.input("total", DType::kInt32, {})};
  const Ref full = attend(b, q, {k, k}, q, length, {2, 1, 4, 0, 1.0f}, "full");
  const Ref windowed = attend(b, full, {k, k}, q, length, {2, 1, 4, 16, 1.0f}, "windowed");
  b.output("y", windowed, DType::kFloat, {"b", "s", int64_t{8}});
  const graph::Graph g = std::move(b).finish();
  EXPECT_FALSE(g.nodes[0].attributes.contains("local_window_size"));
  EXPECT_EQ(g.nodes[1].int_attribute("local_window_size", 0), 16);
  EXPECT_EQ(g.nodes[0].int_attribute("num_heads", 0), 2);
  EXPECT_EQ(std::get<float>(g.nodes[0].attributes.at("scale")), 1.0f);
}

}  // namespace
}  // namespace lapidary::nn
