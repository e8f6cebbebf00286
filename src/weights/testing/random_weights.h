// Numbers for tests of weights: the same everywhere, without a file.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/moments.h"

namespace lapidary::weights {

// In [-1, 1).
inline std::vector<float> test_weights(int64_t n, uint32_t state) {
  std::vector<float> out(static_cast<size_t>(n));
  for (float& x : out) {
    state = state * 1664525U + 1013904223U;
    x = static_cast<float>(static_cast<int32_t>(state)) / 2147483648.0F;
  }
  return out;
}

// Of channels that go together: x x^T summed over rows of random mixtures.
inline quant::BlockMoments moments_of(int64_t channels, int64_t block_size, uint32_t seed) {
  quant::BlockMoments out{channels, block_size, 40, {}};
  out.sums.resize(static_cast<size_t>(out.blocks() * block_size * block_size));
  const std::vector<float> mix = test_weights(4 * channels, seed);
  for (uint32_t row = 0; row < 40; ++row) {
    const std::vector<float> cause = test_weights(4, seed + 1000 + row);
    std::vector<float> x = test_weights(channels, seed + 5000 + row);
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] *= 0.1F;
      for (size_t c = 0; c < 4; ++c) x[i] += cause[c] * mix[c * x.size() + i];
    }
    for (int64_t b = 0; b < out.blocks(); ++b) {
      const auto width = static_cast<size_t>(out.width(b));
      const float* part = &x[static_cast<size_t>(b * block_size)];
      float* sums = &out.sums[static_cast<size_t>(b * block_size * block_size)];
      for (size_t i = 0; i < width; ++i) {
        for (size_t j = 0; j < width; ++j) sums[i * width + j] += part[i] * part[j];
      }
    }
  }
  return out;
}

}  // namespace lapidary::weights
