#include "quant/lpbq.h"

#include <cmath>
#include <limits>

#include "quant/block_rounding.h"

namespace lapidary::quant {
namespace {

constexpr CodeLimits kLimits{kInt4Min, kInt4Max};
// How far from the nearest integer the search goes. A block whose largest weight sets its scale
// profits from a smaller one; a larger one can win only by a step.
constexpr int kStepsDown = 6;
constexpr int kStepsUp = 1;

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

// Nearest first, so that of equal errors the scale that was given wins.
int best_block_scale(std::span<const float> weights, int nearest, float channel_scale) {
  int best = nearest;
  float least = std::numeric_limits<float>::infinity();
  const auto look = [&](int candidate) {
    if (candidate < 1 || candidate > kLpbqMaxBlockScale) return;
    const float error =
        squared_error(weights, static_cast<float>(candidate) * channel_scale, kLimits);
    if (error < least) {
      least = error;
      best = candidate;
    }
  };
  look(nearest);
  for (int step = 1; step <= kStepsUp; ++step) look(nearest + step);
  for (int step = 1; step <= kStepsDown; ++step) look(nearest - step);
  return best;
}

}  // namespace

float lpbq_channel_scale(std::span<const float> block_scales) {
  float largest = 0;
  for (const float scale : block_scales) largest = std::max(largest, std::abs(scale));
  const float channel = largest / static_cast<float>(kLpbqMaxBlockScale);
  // Below this 1 / scale is infinite, and the weights are nothing.
  return channel < std::numeric_limits<float>::min() ? 1.0F : channel;
}

uint8_t lpbq_block_scale(float block_scale, float channel_scale) {
  const float ratio = std::nearbyint(std::abs(block_scale) / channel_scale);
  return static_cast<uint8_t>(
      std::min(std::max(ratio, 1.0F), static_cast<float>(kLpbqMaxBlockScale)));
}

Result<float> lpbq_channel(std::span<const float> weights, std::span<const float> block_scales,
                           int64_t block_size, const LpbqChannel& out) {
  const auto block = static_cast<size_t>(block_size);
  if (block_size <= 0 || block_scales.size() != (weights.size() + block - 1) / block ||
      out.codes.size() != weights.size() || out.scales.size() != block_scales.size()) {
    return bad_input("", "the sizes of weights, scales and codes do not fit together");
  }
  if (!all_finite(weights) || !all_finite(block_scales)) {
    return bad_input("", "holds a value that is not finite",
                     "only finite weights can be quantized");
  }
  const float channel = lpbq_channel_scale(block_scales);
  for (size_t b = 0; b < block_scales.size(); ++b) {
    const size_t begin = b * block;
    const size_t count = std::min(block, weights.size() - begin);
    const auto part = weights.subspan(begin, count);
    const int scale = best_block_scale(part, lpbq_block_scale(block_scales[b], channel), channel);
    out.scales[b] = static_cast<uint8_t>(scale);
    round_codes(part, static_cast<float>(scale) * channel, kLimits,
                out.codes.subspan(begin, count));
  }
  return channel;
}

}  // namespace lapidary::quant
