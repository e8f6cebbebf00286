// Affine weights as lazy tensors. The arithmetic of a row is tested in quant/affine_test.cc.
#include "weights/affine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tensor/expressions.h"
#include "weights/testing/random_weights.h"

namespace lapidary::weights {
namespace {

using quant::IntegerType;

// Large enough to be read in several groups of rows and of columns.
TEST(AffineWeight, GroupsOfChannelsDoNotShow) {
  const int64_t n = 300, k = 1000;
  const auto values = test_weights(n * k, 9);
  const auto rows = tensor::floats({n, k}, values);
  std::vector<float> scales(static_cast<size_t>(n));
  ASSERT_TRUE(quant::channel_scales(values, static_cast<size_t>(k), IntegerType::kInt4,
                                    quant::ScaleSearch::kMinMax, scales)
                  .ok());
  const AffineWeight by_row =
      quantize_channels(rows, 0, IntegerType::kInt4, quant::ScaleSearch::kMinMax);
  const AffineWeight by_column = quantize_channels(tensor::transpose(rows), 1, IntegerType::kInt4,
                                                   quant::ScaleSearch::kMinMax);
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

}  // namespace
}  // namespace lapidary::weights
