#include "quant/symmetric_blocks.h"

#include <cmath>
#include <limits>

#include "quant/block_rounding.h"

namespace lapidary::quant {
namespace {

constexpr CodeLimits kLimits4{-8, 7};
constexpr CodeLimits kLimits8{-127, 127};
// 14/15: all sixteen codes over a range that is as wide on both sides.
constexpr float kShares[] = {1.0F,  0.967F, 14.0F / 15, 0.9F,   0.875F,
                             0.85F, 0.825F, 0.8F,       0.775F, 0.75F};

float best_scale(std::span<const float> weights, float whole) {
  float best = whole;
  float least = std::numeric_limits<float>::infinity();
  for (const float share : kShares) {
    const float error = squared_error(weights, whole * share, kLimits4);
    if (error < least) {
      least = error;
      best = whole * share;
    }
  }
  return best;
}

}  // namespace

Result<float> symmetric_block(std::span<const float> weights, int bits, std::span<int8_t> codes) {
  if ((bits != 4 && bits != 8) || codes.size() != weights.size()) {
    return bad_input("",
                     "the sizes of weights and codes do not fit together, or bits are not 4 or 8");
  }
  float largest = 0;
  for (const float w : weights) {
    if (!std::isfinite(w)) {
      return bad_input("", "holds a value that is not finite",
                       "only finite weights can be quantized");
    }
    largest = std::max(largest, std::abs(w));
  }
  const float whole = largest / (bits == 4 ? 7.0F : 127.0F);
  if (whole < 2 * std::numeric_limits<float>::min()) {
    std::fill(codes.begin(), codes.end(), int8_t{0});
    return 0.0F;
  }
  const float scale = bits == 4 ? best_scale(weights, whole) : whole;
  round_codes(weights, scale, bits == 4 ? kLimits4 : kLimits8, codes);
  return scale;
}

}  // namespace lapidary::quant
