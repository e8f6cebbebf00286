#include "quant/grid_recovery.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

#include "base/float_types.h"

namespace lapidary::quant {
namespace {

constexpr size_t kCount = static_cast<size_t>(kGridBlock);
constexpr int kTopLevel = 8;
// Two values of bfloat16, each off by 2^-8 of itself at most: what their ratio may be off by, and a
// little for float32's own rounding.
constexpr float kRatioTolerance = 0.0079F;
constexpr float kSmallest = 0x1p-120F;

// Magnitudes of a block; what a short block lacks is 0.
struct Block {
  alignas(64) uint32_t bits[kCount] = {};  // of bfloat16
  alignas(64) float values[kCount] = {};
  uint32_t largest = 0;  // bits
  bool finite = true;
};

Block block_of(std::span<const uint16_t> weights) {
  Block out;
  uint32_t largest = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    out.bits[i] = weights[i] & 0x7fffU;
    out.values[i] = std::bit_cast<float>(out.bits[i] << 16);
    largest = std::max(largest, out.bits[i]);
  }
  out.largest = largest;
  out.finite = largest < 0x7f80U;
  return out;
}

// The level of every weight when the largest is `top`; false when some weight is near none. Plain
// loops over 32 elements, for a compiler to make vectors of.
bool find_levels(const Block& block, int top, float (&levels)[kCount]) {
  constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding and taking it away rounds
  const float inverse = static_cast<float>(top) / std::bit_cast<float>(block.largest << 16);
  float worst[4] = {};
  for (size_t i = 0; i < kCount; i += 4) {
    for (size_t lane = 0; lane < 4; ++lane) {
      const float scaled = block.values[i + lane] * inverse;
      const float level = (scaled + kRounder) - kRounder;
      levels[i + lane] = level;
      const float off = std::abs(scaled - level) - level * kRatioTolerance;
      worst[lane] = worst[lane] < off ? off : worst[lane];
    }
  }
  return worst[0] <= 0 && worst[1] <= 0 && worst[2] <= 0 && worst[3] <= 0;
}

struct Interval {
  double low = 0, high = std::numeric_limits<double>::infinity();
};

// Where the step can lie: weights of one level are all alike, so one of each level is asked.
Interval steps_of(const Block& block, const float (&levels)[kCount]) {
  uint32_t of_level[kTopLevel + 1] = {};
  for (size_t i = 0; i < kCount; ++i) of_level[static_cast<size_t>(levels[i])] = block.bits[i];
  // Half way to the neighbours, where a tie goes to the even one: for an odd one the ends are
  // outside. Without branches, eight at a time.
  constexpr double kUlp = 0x1p-52;
  double low[kTopLevel];
  double high[kTopLevel];
  for (int i = 0; i < kTopLevel; ++i) {
    const uint32_t bits = std::max(of_level[i + 1], 1U);
    const double odd = bits % 2 == 1 ? kUlp : 0;
    low[i] =
        static_cast<double>(std::bit_cast<float>((bits << 16) - 0x8000U)) * (1 + odd) / (i + 1);
    high[i] =
        static_cast<double>(std::bit_cast<float>((bits << 16) + 0x8000U)) * (1 - odd) / (i + 1);
  }
  Interval out;
  for (int i = 0; i < kTopLevel; ++i) {
    if (of_level[i + 1] == 0) continue;
    out.low = std::max(out.low, low[i]);
    out.high = std::min(out.high, high[i]);
  }
  return out;
}

bool is_exact(const Block& block, const float (&levels)[kCount], float step) {
  uint32_t different = 0;
  for (size_t i = 0; i < kCount; ++i) {
    const uint32_t product = std::bit_cast<uint32_t>(levels[i] * step);
    different |= ((product + 0x7fffU + ((product >> 16) & 1U)) >> 16) ^ block.bits[i];
  }
  return different == 0;
}

std::optional<float> exact_step(const Block& block, const float (&levels)[kCount]) {
  const Interval steps = steps_of(block, levels);
  if (!(steps.low <= steps.high)) return std::nullopt;
  const float middle = static_cast<float>(steps.low + (steps.high - steps.low) / 2);
  const float half = float16_to_float(float_to_float16(middle));
  if (is_exact(block, levels, half)) return half;
  // An interval may be so narrow that the middle rounds out of it.
  const float below = std::nextafter(middle, 0.0F);
  const float above = std::nextafter(middle, std::numeric_limits<float>::infinity());
  for (const float step : {middle, below, above}) {
    if (is_exact(block, levels, step)) return step;
  }
  return std::nullopt;
}

// Level 8 has a code on one side only: which sign the step needs, 0 when both sides use it.
int sign_of_step(std::span<const uint16_t> weights, const float (&levels)[kCount]) {
  uint32_t above = 0;
  uint32_t below = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const uint32_t top = levels[i] == static_cast<float>(kTopLevel) ? 1 : 0;
    const uint32_t negative = weights[i] >> 15;
    above |= top & ~negative;
    below |= top & negative;
  }
  if (above != 0 && below != 0) return 0;
  return above != 0 ? -1 : 1;
}

void write_codes(std::span<const uint16_t> weights, const float (&levels)[kCount], int sign,
                 std::span<uint8_t> codes) {
  const int flip = sign < 0 ? 1 : 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const int level = static_cast<int>(levels[i]);
    const int negative = (weights[i] >> 15) ^ flip;
    codes[i] = static_cast<uint8_t>(kTopLevel + ((level ^ -negative) + negative));
  }
}

}  // namespace

std::optional<float> recover_block(std::span<const uint16_t> weights, std::span<uint8_t> codes) {
  assert(weights.size() <= kCount && codes.size() == weights.size());
  const Block block = block_of(weights);
  if (!block.finite) return std::nullopt;
  if (block.largest == 0) {
    std::fill(codes.begin(), codes.end(), static_cast<uint8_t>(kTopLevel));
    return 0.0F;
  }
  if (std::bit_cast<float>(block.largest << 16) < kSmallest) return std::nullopt;
  for (int top = kTopLevel; top >= 1; --top) {
    float levels[kCount];
    if (!find_levels(block, top, levels)) continue;
    const int sign = sign_of_step(weights, levels);
    if (sign == 0) continue;
    const std::optional<float> step = exact_step(block, levels);
    if (!step) continue;
    write_codes(weights, levels, sign, codes);
    return static_cast<float>(sign) * *step;
  }
  return std::nullopt;
}

}  // namespace lapidary::quant
