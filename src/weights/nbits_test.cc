// MatMulNBits' weights for DequantizeLinear: the same numbers in another layout, or coded anew.
#include "weights/nbits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/testing/compare.h"
#include "tensor/expressions.h"
#include "tensor/testing/unreadable.h"
#include "weights/blockwise.h"
#include "weights/testing/codes.h"
#include "weights/testing/random_weights.h"

namespace lapidary::weights {
namespace {

using tensor::Tensor;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

constexpr int64_t kN = 70;  // more outputs than are read at a time
constexpr int64_t kK = 96;

std::vector<float> values() { return test_weights(kN * kK, 6); }

WeightFormat format(int bits, int block, bool symmetric = false) {
  return {.method = QuantMethod::kRtn,
          .block = {.bits = bits, .block_size = block, .symmetric = symmetric}};
}

NBitsWeight quantized(const Tensor& rows, const WeightFormat& format) {
  const BlockwiseWeight w = quantize_blockwise(rows, format);
  return {w.codes, w.scales, w.zero_points, kN, kK, format.block.block_size, format.block.bits};
}

Tensor stored(const Tensor& tensor) {
  return tensor.valid() ? tensor::literal(tensor.type(), tensor.materialize().value()) : tensor;
}

// As a file has it: nobody knows what it was quantized from.
NBitsWeight stored(NBitsWeight weight) {
  weight.codes = stored(weight.codes);
  weight.scales = stored(weight.scales);
  weight.zero_points = stored(weight.zero_points);
  return weight;
}

// What MatMulNBits makes of it, [N, K].
std::vector<float> meaning(const NBitsWeight& w) {
  const std::vector<int> codes = codes_in(w.codes);
  const std::vector<float> scales = w.scales.to_floats().value();
  std::vector<int> zeros;
  if (w.zero_points.valid()) zeros = codes_in(w.zero_points);
  const auto unpacked = [&](const std::vector<int>& bytes, int64_t row, int64_t i) {
    const auto per_row = static_cast<int64_t>(bytes.size()) / w.n;
    if (w.bits == 8) return bytes[static_cast<size_t>(row * per_row + i)];
    return bytes[static_cast<size_t>(row * per_row + i / 2)] >> (i % 2 * 4) & 15;
  };
  std::vector<float> out;
  for (int64_t r = 0; r < w.n; ++r) {
    for (int64_t i = 0; i < w.k; ++i) {
      const int64_t b = i / w.block_size;
      const int zero = zeros.empty() ? 1 << (w.bits - 1) : unpacked(zeros, r, b);
      out.push_back(static_cast<float>(unpacked(codes, r, i) - zero) *
                    scales[static_cast<size_t>(r * w.blocks() + b)]);
    }
  }
  return out;
}

// What DequantizeLinear makes of the other form, as [N, K] too.
std::vector<float> meaning(const DequantizableWeight& w, const NBitsWeight& of, bool by_output) {
  const std::vector<int> codes = codes_in(w.codes);
  const std::vector<int> zeros = codes_in(w.zero_points);
  const std::vector<float> scales = w.scales.to_floats().value();
  const auto at = [&](int64_t row, int64_t i, int64_t count) {
    return static_cast<size_t>(by_output ? row * count + i : i * of.n + row);
  };
  std::vector<float> out;
  for (int64_t r = 0; r < of.n; ++r) {
    for (int64_t i = 0; i < of.k; ++i) {
      const size_t block = at(r, i / of.block_size, of.blocks());
      out.push_back(static_cast<float>(codes[at(r, i, of.k)] - zeros[block]) * scales[block]);
    }
  }
  return out;
}

TEST(NBitsWeight, EveryFormStandsForTheSameNumbers) {
  for (const int bits : {4, 8}) {
    for (const int block : {32, 128}) {  // 128: one block, a scale a channel
      for (const bool symmetric : {false, true}) {
        const NBitsWeight w =
            quantized(tensor::floats({kN, kK}, values()), format(bits, block, symmetric));
        const std::vector<float> expected = meaning(w);
        for (const bool by_output : {false, true}) {
          for (const bool is_signed : {false, true}) {
            const DequantizableWeight out =
                dequantizable(w, {.is_signed = is_signed, .by_output = by_output});
            EXPECT_EQ(bits_of(out.codes.dtype()), bits);
            EXPECT_EQ(out.zero_points.dtype(), out.codes.dtype());
            EXPECT_EQ(meaning(out, w, by_output), expected) << bits << ", " << block;
          }
        }
      }
    }
  }
}

TEST(NBitsWeight, CodedAnewItIsSymmetricAndClose) {
  const NBitsWeight w = quantized(tensor::floats({kN, kK}, values()), format(4, 32));
  for (const NBitsWeight& each : {w, stored(w)}) {
    const DequantizableWeight out = dequantizable(each, {.is_signed = true, .recode = true});
    EXPECT_EQ(out.codes.dtype(), DType::kInt4);
    EXPECT_THAT(codes_in(out.zero_points), Each(0));
    EXPECT_LT(relative_error(meaning(out, w, false), values()), 0.13);
    EXPECT_TRUE(are_centered(out.codes, out.zero_points).value());
  }
}

TEST(NBitsWeight, KnowsTheWeightsItCameFrom) {
  const NBitsWeight w = quantized(tensor::floats({kN, kK}, values()), format(4, 32));
  const DequantizableWeight out = dequantizable(w, {});
  EXPECT_EQ(original_rows(out.codes).to_floats().value(), values());
  EXPECT_FALSE(original_rows(out.scales).valid());
  EXPECT_FALSE(original_rows(dequantizable(stored(w), {}).codes).valid());
  EXPECT_FALSE(original_rows({}).valid());
}

// Without reading a weight that is an expression: a plan reads nothing.
TEST(NBitsWeight, IsSymmetricWhenAllZeroPointsAreTheMiddle) {
  const Tensor unread = tensor::unreadable(DType::kFloat, {kN, kK});
  EXPECT_TRUE(is_symmetric(quantized(unread, format(4, 32, true))).value());
  EXPECT_FALSE(is_symmetric(quantized(unread, format(4, 32))).value());
  NBitsWeight w = stored(quantized(tensor::floats({kN, kK}, values()), format(8, 32)));
  std::vector<std::byte> zeros(static_cast<size_t>(w.zero_points.bytes()), std::byte{128});
  w.zero_points = tensor::literal(w.zero_points.type(), zeros);
  EXPECT_TRUE(is_symmetric(w).value());
  EXPECT_TRUE(are_centered(dequantizable(w, {}).codes, {}).value());
  zeros.back() = std::byte{127};
  w.zero_points = tensor::literal(w.zero_points.type(), zeros);
  EXPECT_FALSE(is_symmetric(w).value());
  EXPECT_FALSE(are_centered(dequantizable(w, {}).codes, {}).value());
}

TEST(NBitsWeight, ZeroPointsOfAFileAreCenteredAroundTheirMiddle) {
  const auto centered = [](DType dtype, uint8_t byte) {
    const auto bytes = [&](uint8_t value) {
      return tensor::literal(
          {dtype, {2}},
          std::vector<std::byte>(static_cast<size_t>(bytes_of(dtype, 2)), std::byte{value}));
    };
    return are_centered(bytes(0), bytes(byte)).value();
  };
  EXPECT_TRUE(centered(DType::kUint4, 0x88));
  EXPECT_FALSE(centered(DType::kUint4, 0x78));
  EXPECT_TRUE(centered(DType::kInt4, 0));
  EXPECT_FALSE(centered(DType::kInt4, 0x88));
  EXPECT_TRUE(centered(DType::kUint8, 128));
  EXPECT_FALSE(centered(DType::kUint8, 0));
  EXPECT_TRUE(centered(DType::kInt8, 0));
}

// A scale that is not finite makes weights that are not.
TEST(NBitsWeight, WeightsThatAreNotFiniteAreNotCodedAnew) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    NBitsWeight w = stored(quantized(tensor::floats({kN, kK}, values()), format(4, 32)));
    std::vector<float> scales = w.scales.to_floats().value();
    scales[7] = bad;
    w.scales = tensor::floats(w.scales.shape(), scales);
    const auto codes = dequantizable(w, {.is_signed = true, .recode = true}).codes.materialize();
    ASSERT_FALSE(codes.ok());
    EXPECT_THAT(codes.error().message(),
                AllOf(HasSubstr("dequantizable<int4"), HasSubstr("not finite")));
  }
}

TEST(NBitsWeight, NamesWhatStandsAgainstIt) {
  const NBitsWeight good = quantized(tensor::floats({kN, kK}, values()), format(4, 32));
  EXPECT_EQ(reason_against(good), "");
  const auto reason = [&](const auto& change) {
    NBitsWeight w = good;
    change(w);
    return reason_against(w);
  };
  EXPECT_EQ(reason([](NBitsWeight& w) { w.bits = 3; }), "it has 3 bits, and 4 or 8 are supported");
  EXPECT_EQ(reason([](NBitsWeight& w) { w.n = 0; }), "its N, K or block_size is not positive");
  EXPECT_EQ(reason([](NBitsWeight& w) { w.codes = w.scales; }),
            "its codes are not packed in bytes");
  EXPECT_EQ(reason([](NBitsWeight& w) { w.codes = w.zero_points; }),
            "its codes have 140 elements, not 3360");
  EXPECT_EQ(reason([](NBitsWeight& w) { w.scales = w.codes; }), "its scales are uint8");
  EXPECT_EQ(reason([](NBitsWeight& w) { w.scales = tensor::scalar(1.0F); }),
            "its scales have 1 elements, not 210");
  EXPECT_THAT(reason([](NBitsWeight& w) { w.zero_points = w.scales; }),
              HasSubstr("only integers can be zero points"));
  EXPECT_EQ(reason([](NBitsWeight& w) { w.zero_points = w.codes; }),
            "its zero points have 3360 elements, not 140");
}

}  // namespace
}  // namespace lapidary::weights
