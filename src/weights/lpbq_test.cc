// LPBQ weights as lazy tensors: layouts, and weights that come back. The arithmetic of a channel is
// tested in quant/lpbq_test.cc.
#include "weights/lpbq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/testing/compare.h"
#include "tensor/expressions.h"
#include "weights/blockwise.h"
#include "weights/nbits.h"
#include "weights/testing/codes.h"
#include "weights/testing/random_weights.h"
#include "weights/stripes.h"

namespace lapidary::weights {
namespace {

using tensor::Tensor;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

constexpr float kChannelScale = 1.0F / 64;  // exact

// A weight on the grid of LPBQ: output r has code(row, r) at input `row` and integer(block, r) as
// the scale of a block; one block of each output has the largest, so that its channel scale is
// kChannelScale.
int code(int64_t row, int64_t r) { return static_cast<int>((row * 5 + r) % 16) - 8; }
int integer(int64_t block, int64_t r) {
  return block == 0 ? 16 : static_cast<int>(1 + (block * 3 + r) % 16);
}

BlockSource on_grid(const WeightLayout& layout, int64_t block_size, DType dtype) {
  const int64_t blocks = layout.channels / block_size;
  std::vector<std::byte> codes(size(layout.n * layout.inputs() / 2));
  std::vector<float> scales(size(layout.n * layout.positions * blocks));
  const auto at = [&](int64_t r, int64_t p, int64_t i, int64_t count) {
    return size(layout.by_output ? (r * count + i) * layout.positions + p : i * layout.n + r);
  };
  for (int64_t r = 0; r < layout.n; ++r) {
    for (int64_t p = 0; p < layout.positions; ++p) {
      for (int64_t c = 0; c < layout.channels; ++c) {
        const int shift = dtype == DType::kUint4 ? 8 : 0;
        put_nibble(codes, at(r, p, c, layout.channels), code(p * layout.channels + c, r) + shift);
      }
      for (int64_t b = 0; b < blocks; ++b) {
        scales[at(r, p, b, blocks)] =
            kChannelScale * static_cast<float>(integer(p * blocks + b, r));
      }
    }
  }
  const tensor::Shape shape = {layout.by_output ? layout.n : layout.inputs(),
                               layout.by_output ? layout.inputs() : layout.n};
  return {.codes = tensor::literal({dtype, shape}, codes),
          .scales = tensor::floats({static_cast<int64_t>(scales.size())}, scales),
          .layout = layout,
          .block_size = block_size};
}

void expect_grid(const LpbqWeight& w, const BlockSource& source) {
  const WeightLayout& layout = source.layout;
  EXPECT_EQ(w.codes.type(), (tensor::TensorType{DType::kInt4, {layout.inputs(), layout.n}}));
  const std::vector<int> codes = codes_in(w.codes);
  const std::vector<int> scales = codes_in(w.block_scales);
  ASSERT_EQ(codes.size(), size(layout.inputs() * layout.n));
  ASSERT_EQ(scales.size(), size(layout.inputs() / source.block_size * layout.n));
  for (size_t i = 0; i < codes.size(); ++i) {
    const auto row = static_cast<int64_t>(i) / layout.n;
    ASSERT_EQ(codes[i], code(row, static_cast<int64_t>(i) % layout.n)) << i;
  }
  for (size_t i = 0; i < scales.size(); ++i) {
    const auto block = static_cast<int64_t>(i) / layout.n;
    ASSERT_EQ(scales[i], integer(block, static_cast<int64_t>(i) % layout.n)) << i;
  }
}

// Catches codes and scales in the wrong place: outputs beyond one reading, positions of a kernel.
TEST(LpbqWeight, WeightsOnTheGridComeBack) {
  const std::pair<WeightLayout, int64_t> cases[] = {
      {{.n = 70, .channels = 64}, 32},
      {{.n = 6, .channels = 64, .by_output = true}, 16},
      {{.n = 4, .channels = 32, .positions = 3, .by_output = true}, 16}};
  for (const auto& [layout, block_size] : cases) {
    for (const DType dtype : {DType::kInt4, DType::kUint4}) {
      BlockSource source = on_grid(layout, block_size, dtype);
      const LpbqWeight w = lpbq_weight(source);
      expect_grid(w, source);
      EXPECT_THAT(w.channel_scales.to_floats().value(), Each(kChannelScale));
      source.factor = 0.5F;
      const LpbqWeight half = lpbq_weight(source);
      expect_grid(half, source);
      EXPECT_THAT(half.channel_scales.to_floats().value(), Each(kChannelScale / 2));
    }
  }
}

// Codes that an expression makes are not rounded a second time.
TEST(LpbqWeight, RoundsTheFloatWeightsWhereTheyAreKnown) {
  const int64_t n = 20, k = 96, block = 32;
  const std::vector<float> rows = test_weights(n * k, 8);
  const BlockwiseWeight blocks = quantize_blockwise(
      tensor::floats({n, k}, rows),
      {.method = QuantMethod::kRtn, .block = {.bits = 4, .block_size = 32, .symmetric = true}});
  const DequantizableWeight made = dequantizable(
      {blocks.codes, blocks.scales, blocks.zero_points, n, k, block, 4}, {.is_signed = true});
  const auto error = [&](const Tensor& source_codes) {
    const LpbqWeight w = lpbq_weight({.codes = source_codes,
                                      .scales = made.scales,
                                      .layout = {.n = n, .channels = k},
                                      .block_size = block});
    const std::vector<int> codes = codes_in(w.codes);
    const std::vector<int> scales = codes_in(w.block_scales);
    const std::vector<float> channels = w.channel_scales.to_floats().value();
    std::vector<float> back;
    for (int64_t r = 0; r < n; ++r) {
      for (int64_t i = 0; i < k; ++i) {
        back.push_back(
            static_cast<float>(codes[size(i * n + r)] * scales[size(i / block * n + r)]) *
            channels[size(r)]);
      }
    }
    return relative_error(back, rows);
  };
  const double known = error(made.codes);
  EXPECT_LT(known, 0.12);
  EXPECT_LT(known, error(tensor::literal(made.codes.type(), made.codes.materialize().value())));
}

TEST(LpbqWeight, ScalesThatAreNotFiniteAreErrors) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    BlockSource source = on_grid({.n = 2, .channels = 64}, 32, DType::kInt4);
    source.scales = tensor::floats({4}, {0.5F, 0.5F, bad, 0.5F});
    const auto codes = lpbq_weight(source).codes.materialize();
    ASSERT_FALSE(codes.ok());
    EXPECT_THAT(codes.error().message(),
                AllOf(HasSubstr("lpbq<block 32"), HasSubstr("not finite")));
  }
}

}  // namespace
}  // namespace lapidary::weights
