// Affine weights as lazy tensors. The arithmetic of a row is tested in quant/affine_test.cc.
#include "weights/affine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tensor/expressions.h"
#include "tensor/testing/unreadable.h"
#include "weights/testing/codes.h"
#include "weights/testing/random_weights.h"

namespace lapidary::weights {
namespace {

using quant::ScaleSearch;
using tensor::Tensor;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Large enough to be read in several groups of rows and of columns.
TEST(AffineWeight, GroupsOfChannelsDoNotShow) {
  const int64_t n = 300, k = 1000;
  const auto values = test_weights(n * k, 9);
  const auto rows = tensor::floats({n, k}, values);
  std::vector<float> scales(static_cast<size_t>(n));
  ASSERT_TRUE(quant::channel_scales(values, static_cast<size_t>(k), DType::kInt4,
                                    quant::ScaleSearch::kMinMax, scales)
                  .ok());
  const AffineWeight by_row = quantize_channels(rows, 0, DType::kInt4, quant::ScaleSearch::kMinMax);
  const AffineWeight by_column =
      quantize_channels(tensor::transpose(rows), 1, DType::kInt4, quant::ScaleSearch::kMinMax);
  EXPECT_EQ(by_row.scale.to_floats().value(), scales);
  EXPECT_EQ(by_column.scale.to_floats().value(), scales);
  EXPECT_EQ(by_column.codes.shape(), (tensor::Shape{k, n}));
  const auto a = by_row.codes.materialize().value();
  const auto b = by_column.codes.materialize().value();
  const auto nibble = [](const std::vector<std::byte>& codes, size_t i) {
    return std::to_integer<int>(codes[i / 2]) >> (i % 2 * 4) & 15;
  };
  for (size_t r = 0; r < static_cast<size_t>(n); ++r) {
    for (size_t c = 0; c < static_cast<size_t>(k); ++c) {
      const int code =
          quant::code_of(values[r * static_cast<size_t>(k) + c], {scales[r], 0}, {-7, 7});
      ASSERT_EQ(nibble(a, r * static_cast<size_t>(k) + c), code & 15);
      ASSERT_EQ(nibble(b, c * static_cast<size_t>(n) + r), code & 15);
    }
  }
}

TEST(AffineWeight, ChannelsComeBackWithinHalfAStep) {
  const std::vector<float> values = test_weights(6 * 8, 5);
  for (const DType type : {DType::kInt4, DType::kInt8, DType::kInt16}) {
    for (const size_t axis : {0U, 1U}) {
      const AffineWeight w =
          quantize_channels(tensor::floats({6, 8}, values), axis, type, ScaleSearch::kMinMax);
      EXPECT_EQ(w.codes.type(), (tensor::TensorType{type, {6, 8}}));
      EXPECT_THAT(codes_in(w.zero_point), Each(0));
      const std::vector<int> codes = codes_in(w.codes);
      const std::vector<float> scales = w.scale.to_floats().value();
      ASSERT_EQ(scales.size(), axis == 0 ? 6U : 8U);
      for (size_t i = 0; i < values.size(); ++i) {
        const float scale = scales[axis == 0 ? i / 8 : i % 8];
        EXPECT_LE(std::abs(static_cast<float>(codes[i]) * scale - values[i]), 0.51F * scale)
            << name_of(type) << ", axis " << axis << ", " << i;
      }
    }
  }
}

// The kernel of a convolution is its matrix [outputs, everything else].
TEST(AffineWeight, ChannelsMayHaveSeveralDims) {
  const std::vector<float> values = test_weights(6 * 8, 5);
  const AffineWeight flat =
      quantize_channels(tensor::floats({6, 8}, values), 0, DType::kInt8, ScaleSearch::kMse);
  const AffineWeight kernel =
      quantize_channels(tensor::floats({6, 2, 2, 2}, values), 0, DType::kInt8, ScaleSearch::kMse);
  EXPECT_EQ(kernel.codes.shape(), (tensor::Shape{6, 2, 2, 2}));
  EXPECT_EQ(codes_in(kernel.codes), codes_in(flat.codes));
  EXPECT_EQ(kernel.scale.to_floats().value(), flat.scale.to_floats().value());
}

TEST(AffineWeight, OneEncodingKeepsZeroAndClampsToItsRange) {
  const std::vector<float> values = {0, -1, 3, 0.37F, 9};
  for (const DType type : {DType::kUint8, DType::kUint16, DType::kInt16}) {
    const quant::Affine affine = quant::affine_of({-1, 3}, type, false).value();
    const AffineWeight w = quantize_tensor(tensor::floats({5}, values), affine, type);
    EXPECT_THAT(w.scale.to_floats().value(), ElementsAre(affine.scale));
    EXPECT_THAT(codes_in(w.zero_point), ElementsAre(affine.zero_point));
    const std::vector<int> codes = codes_in(w.codes);
    ASSERT_EQ(codes.size(), values.size());
    EXPECT_EQ(codes[0], affine.zero_point);
    for (size_t i = 0; i < 4; ++i) {
      const float back = static_cast<float>(codes[i] - affine.zero_point) * affine.scale;
      EXPECT_LE(std::abs(back - values[i]), 0.51F * affine.scale) << i;
    }
    EXPECT_EQ(codes[4], quant::codes_of(type, false).max);
  }
}

// Catches a weight that becomes codes although a number of it is none.
TEST(AffineWeight, ValuesThatAreNotFiniteAreErrors) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Tensor weight = tensor::floats({2, 2}, {1, 2, bad, 4});
    const AffineWeight channels = quantize_channels(weight, 1, DType::kInt8, ScaleSearch::kMinMax);
    const AffineWeight whole = quantize_tensor(weight, {0.1F, 0}, DType::kInt8);
    for (const Tensor& each : {channels.codes, channels.scale, whole.codes}) {
      const auto read = each.materialize();
      ASSERT_FALSE(read.ok());
      EXPECT_EQ(read.error().kind, ErrorKind::kBadInput);
      EXPECT_THAT(read.error().message(), HasSubstr("finite"));
    }
    const auto range = range_of(weight);
    ASSERT_FALSE(range.ok());
    EXPECT_THAT(range.error().message(), HasSubstr("only finite weights can be quantized"));
  }
}

TEST(AffineWeight, TheRangeIsThatOfAllValues) {
  std::vector<float> values = test_weights(300 * 1000, 9);
  values.front() = -5;
  values.back() = 7;
  EXPECT_EQ(range_of(tensor::floats({300, 1000}, values)).value(), (quant::Range{-5, 7}));
  EXPECT_EQ(range_of(tensor::floats({2}, {2, 3})).value(), (quant::Range{2, 3}));
  const auto gone = range_of(tensor::unreadable(DType::kFloat, {2}));
  ASSERT_FALSE(gone.ok());
  EXPECT_THAT(gone.error().message(), HasSubstr("ends early"));
}

TEST(AffineWeight, NamesWhatStandsAgainstChannels) {
  const auto reason = [](const Tensor& weight, size_t axis) {
    return reason_against_channels(weight, axis, DType::kInt4);
  };
  EXPECT_EQ(reason(tensor::floats({3, 2}, std::vector<float>(6)), 0), "");
  EXPECT_EQ(reason(tensor::floats({2, 3}, std::vector<float>(6)), 0),
            "rows of 3 codes do not fill whole bytes");
  EXPECT_EQ(reason(tensor::floats({2, 2, 2}, std::vector<float>(8)), 1),
            "channels lie along a dim in the middle of the weight");
  EXPECT_EQ(reason(tensor::integers({2, 2}, {1, 2, 3, 4}), 0), "the weight is int64");
  EXPECT_EQ(reason(tensor::floats({0, 4}, {}), 0), "the weight is empty");
}

}  // namespace
}  // namespace lapidary::weights
