#include "tensor/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tensor/expressions.h"

namespace lapidary::tensor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor bytes(Shape shape, const std::vector<uint8_t>& values) {
  std::vector<std::byte> out;
  for (const uint8_t value : values) out.push_back(static_cast<std::byte>(value));
  return literal({DType::kUint8, std::move(shape)}, std::move(out));
}

// Two rows of three inputs in blocks of two, so that a block is short.
Grid small() {
  return {.bits = 4,
          .block_size = 2,
          .codes = bytes({2, 3}, {0, 8, 15, 1, 2, 3}),
          .scales = floats({2, 2}, {0.5F, -1, 2, 4})};
}

// Catches a zero point that is not the middle, and steps that go to the wrong block or row.
TEST(Grid, SymmetricCodesAreCountedFromTheMiddle) {
  EXPECT_THAT(on_grid(small()).to_floats().value(), ElementsAre(-4, 0, -7, -14, -12, -20));
}

TEST(Grid, ZeroPointsAndMinimumsAreThoseOfTheBlock) {
  Grid asymmetric = small();
  asymmetric.zero_points = bytes({2, 2}, {0, 15, 1, 3});
  EXPECT_THAT(on_grid(asymmetric).to_floats().value(), ElementsAre(0, 4, 0, 0, 2, 0));
  Grid shifted = small();
  shifted.minimums = floats({2, 2}, {1, 20, -2, 0.5F});
  EXPECT_THAT(on_grid(shifted).to_floats().value(), ElementsAre(1, 5, 5, 0, 2, 12.5F));
}

// Catches rows that are read from the start of a part whatever row is asked for.
TEST(Grid, EveryPartOfTheValuesCanBeRead) {
  const Tensor w = on_grid(small());
  std::vector<float> out(2);
  ASSERT_TRUE(w.producer()->read_box({1, 2, 1, 3}, std::as_writable_bytes(std::span(out))).ok());
  EXPECT_THAT(out, ElementsAre(-12, -20));
}

// What a builder makes of a weight: a cast and a transpose.
TEST(Grid, IsFoundBehindWhatLosesNothing) {
  const Tensor w = on_grid(small());
  ASSERT_TRUE(grid_of(w).has_value());
  const Tensor built = transpose(cast(w, DType::kFloat));
  EXPECT_FALSE(grid_of(built).has_value());
  EXPECT_TRUE(grid_of(transposed_operand(built)).has_value());
  EXPECT_FALSE(grid_of(cast(w, DType::kFloat16)).has_value());
  EXPECT_FALSE(grid_of(scale(w, 2)).has_value());
  EXPECT_FALSE(grid_of(floats({2}, {1, 2})).has_value());
  EXPECT_FALSE(grid_of(Tensor{}).has_value());
}

// The stored values stay what they are; only who asks learns of the grid.
TEST(Grid, StoredValuesAreReadAndNotComputed) {
  const Tensor stored = cast(floats({2, 3}, {1, 2, 3, 4, 5, 6}), DType::kBfloat16);
  const Tensor w = with_grid(stored, small());
  EXPECT_EQ(w.dtype(), DType::kBfloat16);
  EXPECT_THAT(w.to_floats().value(), ElementsAre(1, 2, 3, 4, 5, 6));
  const auto grid = grid_of(cast(w, DType::kFloat));
  ASSERT_TRUE(grid.has_value());
  EXPECT_EQ(grid->bits, 4);
  EXPECT_TRUE(grid->symmetric());
}

// A cache key has to see codes that differ.
TEST(Grid, IsNamedInDescriptions) {
  Grid other = small();
  other.scales = floats({2, 2}, {0.5F, -1, 2, 8});
  EXPECT_NE(on_grid(small()).describe(), on_grid(other).describe());
  EXPECT_THAT(on_grid(other).describe(), HasSubstr("on_grid<int4, block 2>(literal"));
}

}  // namespace
}  // namespace lapidary::tensor
