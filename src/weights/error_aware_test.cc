// Weights rounded error-aware, as lazy tensors: their bits. That such rounding lowers errors is
// tested where the arithmetic is (quant/error_aware_rounding_test.cc).
#include "weights/error_aware.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <vector>

#include "quant/error_aware_rounding.h"
#include "tensor/expressions.h"
#include "weights/testing/random_weights.h"

namespace lapidary::weights {
namespace {

using quant::BlockMoments;
using quant::RoundingFactors;

std::shared_ptr<RoundingFactors> factors_of(int64_t channels, int64_t block_size) {
  return std::make_shared<RoundingFactors>(
      std::make_shared<BlockMoments>(moments_of(channels, block_size, 7)));
}

int nibble(const std::vector<std::byte>& codes, size_t i) {
  return std::to_integer<int>(codes[i / 2]) >> (i % 2 * 4) & 15;
}

// Whether a scale is negative is asked of each weight in a plan; to answer it by reading would read
// the checkpoint.
TEST(ErrorAwareWeight, ItsScalesAreKnownToBePositiveUnread) {
  const tensor::Tensor weight = tensor::floats({6, 2}, test_weights(12, 3));
  const AffineWeight plain = quantize_channels(weight, 1, DType::kInt8, quant::ScaleSearch::kMse);
  const AffineWeight aware = round_channels_error_aware(weight, DType::kInt8, factors_of(6, 4));
  for (const AffineWeight* each : {&plain, &aware}) {
    const auto bound = each->scale.lower_bound();
    ASSERT_TRUE(bound.has_value());
    const std::vector<float> scales = each->scale.to_floats().value();
    for (const float scale : scales) {
      EXPECT_GE(scale, *bound);
      EXPECT_GT(scale, 0.0F);
    }
  }
}

// However a weight is cut when it is written, its codes are those of whole blocks: catches a block
// that is rounded from the middle on, and columns that land elsewhere.
TEST(ErrorAwareWeight, CutsDoNotShow) {
  const int64_t k = 90, n = 1100;  // blocks of 32, 32 and 26 rows; more columns than one reading
  const std::vector<float> values = test_weights(k * n, 3);
  const auto factors = factors_of(k, 32);
  const AffineWeight w =
      round_channels_error_aware(tensor::floats({k, n}, values), DType::kInt4, factors);
  const std::vector<float> scales = w.scale.to_floats().value();
  const std::vector<std::byte> codes = w.codes.materialize().value();
  const auto row = static_cast<size_t>(n);
  bool differs_from_nearest = false;
  for (int64_t b = 0; b < 3; ++b) {
    const auto width = static_cast<size_t>(factors->moments().width(b));
    const size_t first = static_cast<size_t>(b) * 32 * row;
    std::vector<int32_t> expected(width * row);
    quant::round_error_aware(std::span(values).subspan(first, width * row),
                             *factors->block(b).value(), scales, {-7, 7}, expected);
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(nibble(codes, first + i), expected[i] & 15) << b << ", " << i;
      const int32_t nearest = quant::code_of(values[first + i], {scales[i % row], 0}, {-7, 7});
      differs_from_nearest = differs_from_nearest || nearest != expected[i];
    }
  }
  EXPECT_TRUE(differs_from_nearest);
  for (const tensor::Box& box :
       {tensor::Box{31, 33, 0, n}, tensor::Box{5, 90, 1022, 1028}, tensor::Box{64, 65, 2, 4}}) {
    std::vector<std::byte> part(static_cast<size_t>(box.rows() * box.cols() / 2));
    ASSERT_TRUE(w.codes.producer()->read_box(box, part).ok());
    size_t i = 0;
    for (int64_t r = box.row_begin; r < box.row_end; ++r) {
      for (int64_t c = box.col_begin; c < box.col_end; ++c, ++i) {
        ASSERT_EQ(nibble(part, i), nibble(codes, static_cast<size_t>(r * n + c))) << r << ", " << c;
      }
    }
  }
  EXPECT_EQ(w.codes.dtype(), DType::kInt4);
  EXPECT_EQ(w.zero_point.shape(), (tensor::Shape{n}));
}

TEST(ErrorAwareWeight, WeightsThatAreNotFiniteAreErrors) {
  std::vector<float> values = test_weights(32, 3);
  values[9] = std::numeric_limits<float>::infinity();
  const AffineWeight w =
      round_channels_error_aware(tensor::floats({8, 4}, values), DType::kInt8, factors_of(8, 8));
  EXPECT_FALSE(w.codes.materialize().ok());
  EXPECT_FALSE(w.scale.materialize().ok());
}

}  // namespace
}  // namespace lapidary::weights
