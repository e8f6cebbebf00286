// Codes of a grid in the forms of the operators: the same numbers, nothing rounded.
#include "weights/kept_codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "quant/format.h"
#include "tensor/expressions.h"
#include "weights/nbits.h"
#include "weights/testing/codes.h"

namespace lapidary::weights {
namespace {

using tensor::Grid;
using tensor::Tensor;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kN = 5;
constexpr int64_t kK = 96;

Tensor bytes(tensor::Shape shape, int most, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> out(static_cast<size_t>(tensor::element_count(shape)));
  for (std::byte& b : out) b = static_cast<std::byte>(random() % static_cast<unsigned>(most));
  return tensor::literal({DType::kUint8, std::move(shape)}, std::move(out));
}

Tensor numbers(tensor::Shape shape, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-0.1F, 0.1F);
  std::vector<float> out(static_cast<size_t>(tensor::element_count(shape)));
  for (float& v : out) v = uniform(random);
  return tensor::floats(std::move(shape), out);
}

Grid grid(int bits, int64_t block_size) {
  const int64_t blocks = (kK + block_size - 1) / block_size;
  return {.bits = bits,
          .block_size = block_size,
          .codes = bytes({kN, kK}, 1 << bits, 1),
          .scales = numbers({kN, blocks}, 2)};
}

Grid with_zero_points(Grid out) {
  out.zero_points = bytes(out.scales.shape(), 1 << out.bits, 3);
  return out;
}

WeightFormat wanted(int bits, int block_size, quant::Layout layout = quant::Layout::kMatMulNBits) {
  return {.method = QuantMethod::kRtn,
          .block = {.bits = bits, .block_size = block_size, .layout = layout}};
}

// What the operator makes of it, by the reference of quant/.
std::vector<float> meaning(const BlockwiseWeight& w, const WeightFormat& format) {
  const auto as_uint8 = [](const Tensor& tensor) {
    std::vector<uint8_t> out;
    if (!tensor.valid()) return out;
    const std::vector<std::byte> all = tensor.materialize().value();
    for (const std::byte b : all) out.push_back(std::to_integer<uint8_t>(b));
    return out;
  };
  const std::vector<uint8_t> codes = as_uint8(w.codes);
  const std::vector<uint8_t> zeros = as_uint8(w.zero_points);
  const std::vector<float> scales = w.scales.to_floats().value();
  std::vector<float> out(size_t{kN * kK});
  EXPECT_TRUE(quant::dequantize_rows({codes, scales, zeros}, size_t{kK}, format.block, out).ok());
  return out;
}

void expect_kept(const Grid& of, const WeightFormat& format) {
  ASSERT_EQ(reason_against_keeping(of, format), "");
  const Tensor values = tensor::on_grid(of);
  const WeightFormat kept = kept_format(of, format);
  const BlockwiseWeight w = keep_codes(values, of, kept);
  EXPECT_EQ(w.zero_points.valid(), !of.symmetric());
  EXPECT_EQ(meaning(w, kept), values.to_floats().value()) << kept.describe();
}

// Catches nibbles that change places, steps of another block, and zero points that are lost.
TEST(KeptCodes, AreTheGridsOwnNumbers) {
  for (const auto layout : {quant::Layout::kMatMulNBits, quant::Layout::kGatherBlockQuantized}) {
    for (const int bits : {4, 8}) {
      expect_kept(grid(bits, 32), wanted(bits, 32, layout));
      expect_kept(with_zero_points(grid(bits, 32)), wanted(bits, 32, layout));
    }
  }
}

TEST(KeptCodes, LongerBlocksAndChannelsAreShorterBlocksWithOneStep) {
  expect_kept(grid(4, 64), wanted(4, 32));
  expect_kept(with_zero_points(grid(4, 64)), wanted(4, 32));
  expect_kept(grid(4, kK), wanted(4, 32));
  expect_kept(with_zero_points(grid(8, kK)), wanted(8, 16));
}

// MatMulNBits takes zero points that are floats; what it then computes is code * scale + minimum.
TEST(KeptCodes, MinimumsBecomeZeroPoints) {
  Grid of = grid(4, 32);
  of.minimums = numbers(of.scales.shape(), 4);
  std::vector<float> scales = of.scales.to_floats().value();
  scales[1] = 0;  // a block of one value
  of.scales = tensor::floats(of.scales.shape(), scales);
  ASSERT_EQ(reason_against_keeping(of, wanted(4, 32)), "");
  const Tensor values = tensor::on_grid(of);
  const BlockwiseWeight w = keep_codes(values, of, kept_format(of, wanted(4, 32)));
  ASSERT_EQ(w.zero_points.dtype(), DType::kFloat);
  const std::vector<std::byte> codes = w.codes.materialize().value();
  const std::vector<float> steps = w.scales.to_floats().value();
  const std::vector<float> zeros = w.zero_points.to_floats().value();
  const std::vector<float> expected = values.to_floats().value();
  for (size_t i = 0; i < expected.size(); ++i) {
    const size_t block = i / 32;
    const float made = (static_cast<float>(nibble(codes, i)) - zeros[block]) * steps[block];
    EXPECT_NEAR(made, expected[i], 1e-6) << i;
  }
}

TEST(KeptCodes, FormatsThatDoNotHoldTheGridSayWhy) {
  EXPECT_THAT(reason_against_keeping(grid(4, 32), wanted(8, 32)), HasSubstr("codes of 4 bits"));
  EXPECT_THAT(reason_against_keeping(grid(4, 32), wanted(4, 64)),
              AllOf(HasSubstr("blocks of 64"), HasSubstr("every 32")));
  WeightFormat symmetric = wanted(4, 32);
  symmetric.block.symmetric = true;
  EXPECT_EQ(reason_against_keeping(grid(4, 32), symmetric), "");
  EXPECT_THAT(reason_against_keeping(with_zero_points(grid(4, 32)), symmetric),
              HasSubstr("zero points"));
  Grid shifted = grid(4, 32);
  shifted.minimums = numbers(shifted.scales.shape(), 4);
  EXPECT_THAT(reason_against_keeping(shifted, wanted(4, 32, quant::Layout::kGatherBlockQuantized)),
              HasSubstr("minimums"));
}

// INT4 QDQ: DequantizeLinear takes the codes less by the middle, and rounds nothing either.
TEST(KeptCodes, GoOnToDequantizeLinearUnchanged) {
  const Grid of = grid(4, 32);
  const Tensor values = tensor::on_grid(of);
  const BlockwiseWeight w = keep_codes(values, of, kept_format(of, wanted(4, 32)));
  const NBitsWeight nbits{w.codes, w.scales, w.zero_points, kN, kK, 32, 4};
  ASSERT_EQ(reason_against(nbits), "");
  EXPECT_TRUE(is_symmetric(nbits).value());
  const DequantizableWeight qdq =
      dequantizable(nbits, {.is_signed = true, .by_output = true, .recode = false});
  const std::vector<int> codes = codes_in(qdq.codes);
  const std::vector<float> scales = qdq.scales.to_floats().value();
  std::vector<float> made;
  for (size_t i = 0; i < codes.size(); ++i) {
    made.push_back(static_cast<float>(codes[i]) * scales[i / 32]);
  }
  EXPECT_EQ(made, values.to_floats().value());
  // Passes that round anew, as LPBQ has to, start from the values.
  EXPECT_TRUE(original_rows(qdq.codes).valid());
}

TEST(KeptCodes, ScalesThatAreNoNumbersAreNamed) {
  Grid of = grid(4, 32);
  std::vector<float> scales = of.scales.to_floats().value();
  scales[4] = std::numeric_limits<float>::infinity();
  of.scales = tensor::floats(of.scales.shape(), scales);
  const BlockwiseWeight w = keep_codes(tensor::on_grid(of), of, kept_format(of, wanted(4, 32)));
  const auto read = w.codes.materialize();
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().message(), HasSubstr("row 1, block 1"));
}

}  // namespace
}  // namespace lapidary::weights
