#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "base/float_types.h"
#include "tensor/expressions.h"

namespace lapidary::tensor {
namespace {

std::vector<float> iota(int64_t n) {
  std::vector<float> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

// Writes bfloat16 0, 1, 2, ... after `offset` junk bytes and returns the file.
std::shared_ptr<const MappedFile> bfloat16_file(int64_t offset, int64_t count) {
  const auto path =
      std::filesystem::temp_directory_path() /
      ("tensor_test_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
       std::to_string(offset) + "_" + std::to_string(count));
  std::ofstream out(path, std::ios::binary);
  for (int64_t i = 0; i < offset; ++i) out.put('x');
  for (int64_t i = 0; i < count; ++i) {
    const uint16_t bits = float_to_bfloat16(static_cast<float>(i));
    out.write(reinterpret_cast<const char*>(&bits), 2);
  }
  out.close();
  auto file = MappedFile::open(path);
  std::filesystem::remove(path);
  return file.value();
}

TEST(Tensor, ReadsAFileAtAnOffset) {
  const Tensor x = from_file(bfloat16_file(6, 12), 6, {DType::kBfloat16, {3, 4}}, "w");
  EXPECT_EQ(x.to_floats().value(), iota(12));
}

// Catches a transpose that mixes rows and columns, or a box that reads the wrong stripe.
TEST(Tensor, TransposeOfACastReadsEveryStripe) {
  const Tensor x = from_file(bfloat16_file(0, 35 * 7), 0, {DType::kBfloat16, {35, 7}}, "w");
  const Tensor y = transpose(cast(x, DType::kFloat));
  ASSERT_EQ(y.shape(), (Shape{7, 35}));
  const auto all = y.to_floats().value();
  for (int64_t r = 0; r < 7; ++r) {
    for (int64_t c = 0; c < 35; ++c) {
      EXPECT_EQ(all[static_cast<size_t>(r * 35 + c)], static_cast<float>(c * 7 + r));
    }
  }
  std::vector<float> stripe(2 * 35);
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(stripe));
  ASSERT_TRUE(y.producer()->read_tiles(3, 5, std::span(&bytes, 1)).ok());
  EXPECT_EQ(stripe, std::vector<float>(all.begin() + 3 * 35, all.begin() + 5 * 35));
}

TEST(Tensor, TransposeTwiceIsTheOperandItself) {
  const Tensor x = floats({2, 3}, iota(6));
  EXPECT_EQ(transpose(transpose(x)).producer(), x.producer());
}

// Catches a reshape that assumes rows line up.
TEST(Tensor, ReshapeAcrossRowBoundaries) {
  const Tensor y = reshape(floats({4, 6}, iota(24)), {3, 8});
  std::vector<float> row(8);
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(row));
  ASSERT_TRUE(y.producer()->read_tiles(1, 2, std::span(&bytes, 1)).ok());
  EXPECT_EQ(row.front(), 8.0f);
  EXPECT_EQ(row.back(), 15.0f);
}

TEST(Tensor, SliceRowsOfARank3Tensor) {
  const Tensor y = slice_rows(floats({3, 2, 2}, iota(12)), 1, 2);
  EXPECT_EQ(y.to_floats().value(), (std::vector<float>{4, 5, 6, 7}));
}

TEST(Tensor, ScaleMultiplies) {
  EXPECT_EQ(scale(floats({2}, {1, 2}), 0.5f).to_floats().value(), (std::vector<float>{0.5f, 1}));
}

TEST(Tensor, LiteralsThatDifferDescribeDifferently) {
  EXPECT_NE(scalar(1.0f).describe(), scalar(2.0f).describe());
}

TEST(FloatTypes, EveryHalfSurvivesARoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = float16_to_float(half);
    if (value != value) continue;
    ASSERT_EQ(float_to_float16(value), half) << bits;
  }
}

TEST(FloatTypes, RoundsToNearestEven) {
  EXPECT_EQ(float_to_bfloat16(1.00390625f), 0x3f80);  // halfway: to even
  EXPECT_EQ(float_to_bfloat16(1.01171875f), 0x3f82);
  EXPECT_EQ(float_to_float16(65520.0f), 0x7c00);  // overflows to infinity
  EXPECT_EQ(float_to_float16(65519.0f), 0x7bff);
  EXPECT_EQ(float_to_float16(5.9604645e-8f), 0x0001);  // smallest subnormal
}

}  // namespace
}  // namespace lapidary::tensor
