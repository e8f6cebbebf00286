#include "quant/lpbq.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/testing/compare.h"
#include "quant/symmetric_blocks.h"

namespace lapidary::quant {
namespace {

struct Lpbq {
  std::vector<int8_t> codes;
  std::vector<uint8_t> scales;
  float channel = 0;

  std::vector<float> weights(size_t block) const {
    std::vector<float> out(codes.size());
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<float>(codes[i]) * (static_cast<float>(scales[i / block]) * channel);
    }
    return out;
  }
};

Lpbq convert(const std::vector<float>& weights, const std::vector<float>& scales, int64_t block) {
  Lpbq out{std::vector<int8_t>(weights.size()), std::vector<uint8_t>(scales.size()), 0};
  const auto channel = lpbq_channel(weights, scales, block, {out.codes, out.scales});
  EXPECT_TRUE(channel.ok()) << channel.error().message();
  out.channel = channel.ok() ? *channel : 0;
  return out;
}

std::vector<float> gaussian(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 0.05F);
  std::vector<float> out(count);
  for (float& x : out) x = normal(random);
  return out;
}

std::vector<float> max_scales(const std::vector<float>& weights, size_t block) {
  std::vector<float> out;
  for (size_t i = 0; i < weights.size(); i += block) {
    float largest = 0;
    for (size_t j = i; j < std::min(i + block, weights.size()); ++j) {
      largest = std::max(largest, std::abs(weights[j]));
    }
    out.push_back(largest / 7);
  }
  return out;
}

// Scales already on the grid, the largest of them 16 steps: nothing may change, to the last bit.
TEST(Lpbq, WeightsOnTheGridComeBack) {
  std::mt19937 random(3);
  for (const size_t block : {16U, 32U, 256U}) {
    for (int round = 0; round < 20; ++round) {
      const float channel = std::ldexp(1.0F + static_cast<float>(random() % 1000) / 1000, -9);
      std::vector<float> weights;
      std::vector<float> scales;
      std::vector<int8_t> codes;
      for (size_t b = 0; b < 12; ++b) {
        const unsigned scale = b == 5 ? 16 : 1 + random() % 16;
        scales.push_back(static_cast<float>(scale) * channel);
        for (size_t i = 0; i < block; ++i) {
          codes.push_back(static_cast<int8_t>(static_cast<int>(random() % 16) - 8));
          weights.push_back(static_cast<float>(codes.back()) * scales.back());
        }
      }
      const Lpbq out = convert(weights, scales, static_cast<int64_t>(block));
      EXPECT_EQ(out.codes, codes);
      EXPECT_EQ(out.weights(block), weights);
      EXPECT_EQ(out.channel, channel);
    }
  }
}

// A largest scale that is not 16 steps of any grid still is one after the conversion, so that a
// second conversion changes nothing.
TEST(Lpbq, ASecondConversionChangesNothing) {
  const auto weights = gaussian(512, 1);
  const Lpbq first = convert(weights, max_scales(weights, 32), 32);
  std::vector<float> scales;
  for (const uint8_t scale : first.scales) {
    scales.push_back(static_cast<float>(scale) * first.channel);
  }
  scales[0] = 16 * first.channel;  // the block that set the channel's scale may use less of it now
  const Lpbq second = convert(first.weights(32), scales, 32);
  EXPECT_EQ(second.weights(32), first.weights(32));
}

TEST(Lpbq, TheLargestBlockScaleIsSixteenSteps) {
  const std::vector<float> scales = {0.5F, -2.0F, 0.01F, 1.0F};
  EXPECT_EQ(lpbq_channel_scale(scales), 0.125F);
  EXPECT_EQ(lpbq_block_scale(-2.0F, 0.125F), 16);
  EXPECT_EQ(lpbq_block_scale(0.5F, 0.125F), 4);
  EXPECT_EQ(lpbq_block_scale(0.0F, 0.125F), 1);
  EXPECT_EQ(lpbq_block_scale(0.01F, 0.125F), 1);
  EXPECT_EQ(lpbq_block_scale(99.0F, 0.125F), 16);
}

TEST(Lpbq, IntegersStayInTheirRanges) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    auto weights = gaussian(320, seed);
    for (size_t i = 0; i < weights.size(); i += 37) weights[i] *= 100;  // heavy tails
    const Lpbq out = convert(weights, max_scales(weights, 32), 32);
    for (const int8_t code : out.codes) {
      EXPECT_GE(code, -8);
      EXPECT_LE(code, 7);
    }
    for (const uint8_t scale : out.scales) {
      EXPECT_GE(scale, 1);
      EXPECT_LE(scale, 16);
    }
  }
}

// Each code is the nearest point of the grid: no other code of the block does better.
TEST(Lpbq, CodesAreTheNearestOnTheGrid) {
  const auto weights = gaussian(256, 9);
  const Lpbq out = convert(weights, max_scales(weights, 32), 32);
  for (size_t i = 0; i < weights.size(); ++i) {
    const double step = double{static_cast<float>(out.scales[i / 32]) * out.channel};
    for (int code = -8; code <= 7; ++code) {
      EXPECT_LE(std::abs(double{weights[i]} - out.codes[i] * step),
                std::abs(double{weights[i]} - code * step) + 1e-7);
    }
  }
}

// What the pass is for: less error than with the codes of the float scales, which is what the
// execution provider's own conversion keeps.
TEST(Lpbq, RequantizingBeatsKeptCodes) {
  for (unsigned seed = 0; seed < 5; ++seed) {
    auto weights = gaussian(4096, seed);
    // Blocks of unlike size: where a block scale is a few steps only, it moves by much, and so do
    // the codes, even when all that is left of the weights is what the old codes stood for.
    for (size_t i = 0; i < weights.size(); ++i) {
      weights[i] *= 1.0F / static_cast<float>(1 + i / 32 % 8);
    }
    const auto scales = max_scales(weights, 32);
    std::vector<float> kept(weights.size());
    std::vector<float> plain(weights.size());
    const float channel = lpbq_channel_scale(scales);
    for (size_t i = 0; i < weights.size(); ++i) {
      const float code = std::nearbyint(weights[i] / scales[i / 32]);
      plain[i] = code * scales[i / 32];
      kept[i] = code * static_cast<float>(lpbq_block_scale(scales[i / 32], channel)) * channel;
    }
    const double from_floats = squared_distance(convert(weights, scales, 32).weights(32), weights);
    const double from_codes = squared_distance(convert(plain, scales, 32).weights(32), weights);
    EXPECT_LT(from_floats, 0.9 * squared_distance(kept, weights));
    EXPECT_LT(from_codes, squared_distance(kept, weights));
    EXPECT_LT(squared_distance(convert(plain, scales, 32).weights(32), plain),
              0.7 * squared_distance(kept, plain));
  }
}

TEST(Lpbq, BlocksOfZerosStayZero) {
  std::vector<float> weights = gaussian(128, 4);
  std::fill(weights.begin() + 32, weights.begin() + 64, 0.0F);
  const auto scales = max_scales(weights, 32);
  EXPECT_EQ(scales[1], 0.0F);
  const Lpbq some = convert(weights, scales, 32);
  for (size_t i = 32; i < 64; ++i) EXPECT_EQ(some.codes[i], 0);
  const Lpbq none = convert(std::vector<float>(64, 0.0F), {0.0F, 0.0F}, 32);
  EXPECT_EQ(none.weights(32), std::vector<float>(64, 0.0F));
  EXPECT_EQ(none.channel, 1.0F);
}

TEST(Lpbq, AShortLastBlockCounts) {
  const auto weights = gaussian(40, 2);
  const Lpbq out = convert(weights, max_scales(weights, 32), 32);
  EXPECT_LT(squared_distance(out.weights(32), weights),
            0.02 * squared_distance(weights, std::vector<float>(40, 0)));
}

TEST(Lpbq, RefusesWhatIsNotFiniteOrDoesNotFit) {
  std::vector<int8_t> codes(32);
  std::vector<uint8_t> scales(1);
  std::vector<float> weights(32, 1);
  const float infinite = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(lpbq_channel(weights, std::vector{infinite}, 32, {codes, scales}).ok());
  EXPECT_FALSE(lpbq_channel(weights, std::vector{1.0F, 1.0F}, 32, {codes, scales}).ok());
  EXPECT_FALSE(lpbq_channel(weights, std::vector{1.0F}, 0, {codes, scales}).ok());
  weights[3] = std::nanf("");
  EXPECT_FALSE(lpbq_channel(weights, std::vector{1.0F}, 32, {codes, scales}).ok());
}

TEST(SymmetricBlock, FourBitsBeatTheLargestMagnitude) {
  double searched = 0;
  double plain = 0;
  for (unsigned seed = 0; seed < 50; ++seed) {
    const auto weights = gaussian(32, seed);
    std::vector<int8_t> codes(32);
    const auto scale = symmetric_block(weights, 4, codes);
    ASSERT_TRUE(scale.ok());
    const float largest = max_scales(weights, 32)[0];
    for (size_t i = 0; i < 32; ++i) {
      searched += std::pow(double{weights[i]} - double{static_cast<float>(codes[i]) * *scale}, 2);
      plain +=
          std::pow(double{weights[i]} - double{std::nearbyint(weights[i] / largest) * largest}, 2);
    }
  }
  EXPECT_LT(searched, 0.9 * plain);
}

TEST(SymmetricBlock, EightBitsAreNearlyExactAndZerosAreZero) {
  const auto weights = gaussian(64, 5);
  std::vector<int8_t> codes(64);
  const auto scale = symmetric_block(weights, 8, codes);
  ASSERT_TRUE(scale.ok());
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_NEAR(static_cast<float>(codes[i]) * *scale, weights[i], *scale * 0.5001F);
  }
  codes.assign(64, 1);
  EXPECT_EQ(*symmetric_block(std::vector<float>(64, 0), 4, codes), 0.0F);
  EXPECT_EQ(codes, std::vector<int8_t>(64, 0));
  EXPECT_FALSE(symmetric_block(weights, 5, codes).ok());
  EXPECT_FALSE(symmetric_block(std::vector<float>(64, std::nanf("")), 4, codes).ok());
}

}  // namespace
}  // namespace lapidary::quant
