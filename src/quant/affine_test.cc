#include "quant/affine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "base/json.h"
#include "base/testing/compare.h"
#include "base/testing/source_dir.h"

namespace lapidary::quant {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

constexpr DType kAll[] = {DType::kInt4, DType::kInt8, DType::kUint8, DType::kInt16, DType::kUint16};

float from_bits(const Json& hex) {
  return std::bit_cast<float>(
      static_cast<uint32_t>(std::stoul(hex.get<std::string>(), nullptr, 16)));
}

std::vector<float> noise(size_t n, uint32_t seed) {
  std::vector<float> out(n);
  for (float& x : out) {
    seed = seed * 1664525U + 1013904223U;
    x = static_cast<float>(static_cast<int32_t>(seed)) / 2147483648.0F;
  }
  return out;
}

std::vector<float> round_trip(const std::vector<float>& x, const Affine& a, DType type) {
  std::vector<std::byte> codes(packed_bytes(type, x.size()));
  EXPECT_TRUE(quantize(x, a, type, codes).ok());
  std::vector<float> out(x.size());
  EXPECT_TRUE(dequantize(codes, a, type, out).ok());
  return out;
}

// Bit for bit what onnxruntime.quantization computes (tests/oracle/make_affine_goldens.py): catches
// another rounding of zero points, a scale divided in float32, another clamp.
TEST(Affine, EqualsOnnxRuntimesQuantizer) {
  const auto cases = load_json(source_dir() / "tests/golden/quant/affine.json").value();
  ASSERT_GT(cases.size(), 500U);
  for (const Json& one : cases) {
    SCOPED_TRACE(one.dump());
    const DType type = integer_type_of(one["type"].get<std::string>(), "").value();
    const bool symmetric = one["symmetric"];
    const Range range{from_bits(one["range"][0]), from_bits(one["range"][1])};
    const Affine a = affine_of(range, type, symmetric).value();
    EXPECT_EQ(std::bit_cast<uint32_t>(a.scale), std::bit_cast<uint32_t>(from_bits(one["scale"])));
    EXPECT_EQ(a.zero_point, one["zero_point"].get<int32_t>());
    if (!one.contains("x")) continue;
    for (size_t i = 0; i < one["x"].size(); ++i) {
      EXPECT_EQ(code_of(from_bits(one["x"][i]), a, codes_of(type, false)),
                one["codes"][i].get<int32_t>());
    }
  }
}

// Zero survives exactly, and what lies in the range comes back within half a step (a whole one at
// the ends, where the zero point's rounding may clip): catches a lost nibble, sign or byte.
TEST(Affine, RoundTripStaysWithinAStep) {
  for (const DType type : kAll) {
    for (const bool symmetric : {false, true}) {
      SCOPED_TRACE(std::string(name_of(type)) + (symmetric ? " symmetric" : ""));
      std::vector<float> x = noise(999, 3);
      for (float& v : x) v = v * 3.0F + 0.7F;
      x[17] = 0.0F;
      const Affine a = affine_of({-2.3F, 3.7F}, type, symmetric).value();
      const std::vector<float> back = round_trip(x, a, type);
      EXPECT_EQ(back[17], 0.0F);
      ASSERT_TRUE(all_near(back, x, static_cast<double>(a.scale * 1.001F)));
      EXPECT_EQ(round_trip(back, a, type), back) << "a quantized value quantizes to itself";
    }
  }
}

TEST(Affine, ValuesBeyondTheRangeAreClamped) {
  const Affine a = affine_of({-1, 1}, DType::kInt16, true).value();
  EXPECT_EQ(a.zero_point, 0);
  std::vector<std::byte> codes(4);
  const std::vector<float> x = {3e38F, -3e38F};
  ASSERT_TRUE(quantize(x, a, DType::kInt16, codes).ok());
  std::vector<float> back(2);
  ASSERT_TRUE(dequantize(codes, a, DType::kInt16, back).ok());
  EXPECT_FLOAT_EQ(back[0], 1.0F);
  EXPECT_NEAR(back[1], -1.0F, 1e-4);
}

TEST(Affine, RangesThatAreNoneAreErrors) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const Range& range : {Range{0, inf}, Range{-inf, 0}, Range{1, 0}, Range{std::nanf(""), 1}}) {
    EXPECT_FALSE(affine_of(range, DType::kUint8, false).ok());
  }
  for (const DType other : {DType::kFloat, DType::kUint4, DType::kInt32, DType::kUndefined}) {
    EXPECT_FALSE(affine_of({-1, 1}, other, false).ok()) << name_of(other);
  }
}

TEST(Affine, ValuesThatAreNotFiniteAreErrorsThatNameThem) {
  std::vector<float> x(600, 1.0F);
  x[555] = std::nanf("");
  std::vector<std::byte> codes(600);
  const Status status = quantize(x, {1, 0}, DType::kUint8, codes);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("555"));
  std::vector<float> scales(2);
  EXPECT_FALSE(channel_scales(x, 300, DType::kInt8, ScaleSearch::kMinMax, scales).ok());
}

TEST(Affine, SizesAndZeroPointsThatDoNotFitAreErrors) {
  const std::vector<float> x(3);
  std::vector<std::byte> codes(3);
  EXPECT_FALSE(quantize(x, {1, 0}, DType::kUint16, codes).ok());
  EXPECT_FALSE(quantize(x, {1, 300}, DType::kUint8, codes).ok());
  EXPECT_FALSE(channel_scales(x, 2, DType::kInt8, ScaleSearch::kMinMax, {}).ok());
}

// The largest magnitude has the largest code, in every channel of its own scale; a channel of zeros
// has a scale that divides.
TEST(ChannelScales, MinMaxRepresentsTheLargestWeightOfEachChannel) {
  std::vector<float> rows = noise(4 * 50, 11);
  for (size_t i = 0; i < 50; ++i) rows[50 + i] *= 1000.0F;
  for (size_t i = 0; i < 50; ++i) rows[100 + i] = 0.0F;
  for (const DType type : {DType::kInt4, DType::kInt8, DType::kInt16}) {
    std::vector<float> scales(4);
    ASSERT_TRUE(channel_scales(rows, 50, type, ScaleSearch::kMinMax, scales).ok());
    EXPECT_EQ(scales[2], 1.0F);
    for (size_t r = 0; r < 4; ++r) {
      int32_t largest = 0;
      for (size_t i = 0; i < 50; ++i) {
        largest = std::max(
            largest, std::abs(code_of(rows[50 * r + i], {scales[r], 0}, codes_of(type, true))));
      }
      EXPECT_EQ(largest, r == 2 ? 0 : codes_of(type, true).max);
    }
  }
}

// The search never does worse than min-max, and clearly better at 4 bits with an outlier.
TEST(ChannelScales, MseSearchLowersTheError) {
  std::vector<float> rows = noise(8 * 200, 5);
  for (float& x : rows) x = x * x * x;
  for (size_t r = 0; r < 8; ++r) rows[200 * r] = 1.6F;
  const auto error = [&](ScaleSearch search, DType type) {
    std::vector<float> scales(8);
    EXPECT_TRUE(channel_scales(rows, 200, type, search, scales).ok());
    double sum = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      const float scale = scales[i / 200];
      const int32_t code = code_of(rows[i], {scale, 0}, codes_of(type, true));
      const double d = static_cast<double>(rows[i]) - static_cast<double>(scale) * code;
      sum += d * d;
    }
    return sum;
  };
  EXPECT_LE(error(ScaleSearch::kMse, DType::kInt8), error(ScaleSearch::kMinMax, DType::kInt8));
  EXPECT_LT(error(ScaleSearch::kMse, DType::kInt4),
            0.9 * error(ScaleSearch::kMinMax, DType::kInt4));
}

TEST(Affine, UnknownTypeNamesListTheKnownOnes) {
  const auto type = integer_type_of("int7", "options");
  ASSERT_FALSE(type.ok());
  EXPECT_THAT(type.error().message(), HasSubstr("uint16"));
}

}  // namespace
}  // namespace lapidary::quant
