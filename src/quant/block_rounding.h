// Inside quant/: a block rounded on one symmetric grid.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace lapidary::quant {

struct CodeLimits {
  float min = 0, max = 0;
};

// x / step rounded to nearest even within the limits, for |limits| far below 2^22. Adding and
// taking away 1.5 * 2^23 rounds, and a compiler makes vectors of it.
inline float rounded_code(float scaled, const CodeLimits& limits) {
  constexpr float kRounder = 12582912.0F;
  const float inside = std::min(std::max(scaled, limits.min), limits.max);
  return (inside + kRounder) - kRounder;
}

// Sum of squared differences between the weights and their codes times `step`.
inline float squared_error(std::span<const float> weights, float step, const CodeLimits& limits) {
  const float inverse = 1.0F / step;
  constexpr size_t kLanes = 8;
  float sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= weights.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float w = weights[i + lane];
      const float d = w - rounded_code(w * inverse, limits) * step;
      sums[lane] += d * d;
    }
  }
  float sum = 0;
  for (; i < weights.size(); ++i) {
    const float d = weights[i] - rounded_code(weights[i] * inverse, limits) * step;
    sum += d * d;
  }
  for (const float part : sums) sum += part;
  return sum;
}

inline void round_codes(std::span<const float> weights, float step, const CodeLimits& limits,
                        std::span<int8_t> codes) {
  const float inverse = 1.0F / step;
  for (size_t i = 0; i < weights.size(); ++i) {
    codes[i] = static_cast<int8_t>(rounded_code(weights[i] * inverse, limits));
  }
}

}  // namespace lapidary::quant
