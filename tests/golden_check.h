// What golden tests have in common.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>
#include <utility>

#include "base/result.h"

namespace lapidary::golden {

// The value, or an exception that fails the test with the error's message.
template <typename T>
T take(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message());
  return std::move(result).value();
}

inline void take(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error().message());
}

// NaN for vectors that hold one, which no bound lets pass.
inline double cosine(std::span<const float> a, std::span<const float> b) {
  const auto dot = [](std::span<const float> x, std::span<const float> y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
}

// Infinity for NaN and for sizes that differ.
inline float max_difference(std::span<const float> actual, std::span<const float> expected) {
  if (actual.size() != expected.size()) return std::numeric_limits<float>::infinity();
  float worst = 0.0F;
  for (size_t i = 0; i < actual.size(); ++i) {
    const float difference = std::abs(actual[i] - expected[i]);
    if (std::isnan(difference)) return std::numeric_limits<float>::infinity();
    worst = std::max(worst, difference);
  }
  return worst;
}

}  // namespace lapidary::golden
