// Grids of 4-bit blocks found again in bfloat16 weights.
#include "quant/grid_recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "base/float_types.h"

namespace lapidary::quant {
namespace {

using ::testing::Each;

constexpr size_t kCount = kGridBlock;
using Weights = std::array<uint16_t, kCount>;
using Codes = std::array<uint8_t, kCount>;

float value(uint8_t code, float step) { return static_cast<float>(int{code} - 8) * step; }

Weights stored(const Codes& codes, float step) {
  Weights out{};
  for (size_t i = 0; i < kCount; ++i) out[i] = float_to_bfloat16(value(codes[i], step));
  return out;
}

// The zero that a negative step makes of the middle code keeps a sign that says nothing.
uint16_t without_sign_of_zero(uint16_t bits) { return (bits & 0x7fffU) == 0 ? uint16_t{0} : bits; }

testing::AssertionResult is_recovered(const Weights& weights) {
  Codes codes{};
  const auto step = recover_block(weights, codes);
  if (!step) return testing::AssertionFailure() << "no grid was found";
  const Weights again = stored(codes, *step);
  for (size_t i = 0; i < kCount; ++i) {
    if (codes[i] > 15) return testing::AssertionFailure() << "code " << int{codes[i]};
    if (without_sign_of_zero(again[i]) != without_sign_of_zero(weights[i])) {
      return testing::AssertionFailure() << "weight " << i << " is " << bfloat16_to_float(again[i])
                                         << ", not " << bfloat16_to_float(weights[i]);
    }
  }
  return testing::AssertionSuccess();
}

Codes random_codes(std::mt19937& random) {
  // As trained weights are: few at the ends, and one there always, as Q4_0 puts it.
  std::normal_distribution<float> normal(8, 3);
  Codes out{};
  for (uint8_t& code : out) {
    code = static_cast<uint8_t>(std::clamp(std::lround(normal(random)), 0L, 15L));
  }
  out[random() % kCount] = 0;
  return out;
}

// Catches intervals that leave out their ends, where ties go to an even value: a step of float16
// times a level is a tie of bfloat16 quite often.
TEST(GridRecovery, EveryBlockOfQ40ComesBack) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> mantissa(1, 2);
  // The last ones: steps that are subnormal in float16, and far below.
  for (const float size : {1.0F, 0.02F, 3e-3F, 1e-4F, 3e-5F, 1e-6F, 3e-7F, 300.0F}) {
    for (int i = 0; i < 4000; ++i) {
      const float sign = random() % 2 == 0 ? 1.0F : -1.0F;
      const float step = float16_to_float(float_to_float16(sign * size * mantissa(random)));
      ASSERT_TRUE(is_recovered(stored(random_codes(random), step))) << "step " << step;
    }
  }
}

// Steps of other trainers are no float16.
TEST(GridRecovery, StepsMayBeAnyFloat) {
  std::mt19937 random(2);
  std::uniform_real_distribution<float> mantissa(1, 2);
  for (const float size : {1.0F, 0.02F, 1e-9F, 1e-30F, 0x1p-118F, 1e30F}) {
    for (int i = 0; i < 4000; ++i) {
      const float step = size * mantissa(random);
      ASSERT_TRUE(is_recovered(stored(random_codes(random), step))) << "step " << step;
    }
  }
}

// What Q4_0 stores comes back as Q4_0 stores it, where the weights say it: the step is a float16.
TEST(GridRecovery, StepsOfFloat16AreFloat16) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> mantissa(1, 2);
  for (int i = 0; i < 4000; ++i) {
    const float step = float16_to_float(float_to_float16(0.01F * mantissa(random)));
    Codes codes{};
    const auto found = recover_block(stored(random_codes(random), step), codes);
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(*found, float16_to_float(float_to_float16(*found)));
    ASSERT_NEAR(*found, step, std::abs(step) / 128);
  }
}

// Catches grids that are found only where the largest weight has the level 8, and a choice among
// several that no code can express.
TEST(GridRecovery, BlocksThatUseOnlySomeLevels) {
  std::mt19937 random(4);
  for (int top = 1; top <= 7; ++top) {
    for (int stride = 1; stride <= top; ++stride) {
      Codes codes{};
      for (uint8_t& code : codes) {
        const int level = static_cast<int>(random() % 17) - 8;
        code = static_cast<uint8_t>(8 + std::clamp(level, -top, top) / stride * stride);
      }
      ASSERT_TRUE(is_recovered(stored(codes, 0.0173F))) << top << " " << stride;
    }
  }
  Codes one{};
  one.fill(8);
  one[5] = 0;
  EXPECT_TRUE(is_recovered(stored(one, 0.3F)));
  EXPECT_TRUE(is_recovered(stored(one, -0.3F)));
}

TEST(GridRecovery, ABlockOfZerosHasNoStep) {
  Weights weights{};
  weights[3] = 0x8000;  // -0
  Codes codes{};
  EXPECT_EQ(recover_block(weights, codes), 0.0F);
  EXPECT_THAT(codes, Each(8));
}

TEST(GridRecovery, ShortBlocksAreBlocks) {
  const std::array<uint16_t, 3> weights = {float_to_bfloat16(0.5F), float_to_bfloat16(-1),
                                           float_to_bfloat16(0.25F)};
  std::array<uint8_t, 3> codes{};
  const auto step = recover_block(weights, codes);
  ASSERT_TRUE(step.has_value());
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(float_to_bfloat16(value(codes[i], *step)), weights[i]) << i;
  }
}

// Ordinary weights have no grid: none of a hundred thousand blocks.
TEST(GridRecovery, OrdinaryWeightsAreOnNoGrid) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 0.02F);
  int found = 0;
  for (int i = 0; i < 100'000; ++i) {
    Weights weights{};
    for (uint16_t& w : weights) w = float_to_bfloat16(normal(random));
    Codes codes{};
    found += recover_block(weights, codes).has_value() ? 1 : 0;
  }
  EXPECT_EQ(found, 0);
}

// One weight that is off by its last bit, and weights that are no numbers.
TEST(GridRecovery, WhatIsOffTheGridIsRefused) {
  std::mt19937 random(6);
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    Codes all = random_codes(random);
    for (uint8_t level = 0; level < 16; ++level) all[level + 8U] = level;
    Weights weights = stored(all, 0.0123F);
    weights[random() % 8U] ^= 4U;
    Codes codes{};
    refused += recover_block(weights, codes) ? 0 : 1;
  }
  EXPECT_EQ(refused, 200);
  for (const uint16_t bad : {uint16_t{0x7f80}, uint16_t{0xff80}, uint16_t{0x7fc0}}) {
    Weights weights = stored(random_codes(random), 0.0123F);
    weights[7] = bad;
    Codes codes{};
    EXPECT_FALSE(recover_block(weights, codes).has_value());
  }
}

// Rounding the same weights again, at the largest of them / 7.5 as a published conversion does,
// moves them by several percent. Recovered, none moves.
TEST(GridRecovery, RoundingAgainAtSevenAndAHalfIsFarOff) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> mantissa(1, 2);
  double norm = 0;
  double rounded_again = 0;
  double recovered = 0;
  for (int i = 0; i < 2000; ++i) {
    const float step = float16_to_float(float_to_float16(0.01F * mantissa(random)));
    const Weights weights = stored(random_codes(random), step);
    float largest = 0;
    for (const uint16_t w : weights) largest = std::max(largest, std::abs(bfloat16_to_float(w)));
    const float other = largest / 7.5F;
    Codes codes{};
    const auto found = recover_block(weights, codes);
    ASSERT_TRUE(found.has_value());
    for (size_t k = 0; k < kCount; ++k) {
      const float w = bfloat16_to_float(weights[k]);
      const float code = std::clamp(std::nearbyint(w / other), -8.0F, 7.0F);
      norm += double{w} * double{w};
      rounded_again += std::pow(double{code * other} - double{w}, 2);
      const float exact = bfloat16_to_float(float_to_bfloat16(value(codes[k], *found)));
      recovered += std::pow(double{exact} - double{w}, 2);
    }
  }
  EXPECT_GT(std::sqrt(rounded_again / norm), 0.05);
  EXPECT_EQ(recovered, 0);
}

}  // namespace
}  // namespace lapidary::quant
