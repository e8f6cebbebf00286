// What error-aware rounding wants to know of the activations that a weight will meet: the second
// moments of its input channels, within blocks of neighbouring channels.
//
//   const BlockMoments& moments = all.at("model.layers.0.input_layernorm/RMSNormalization");
//   std::span<const float> h = moments.block(3);  // [width, width] of channels 3 * block_size ...
//
// A full matrix of E2B's widest layer would be 600 MB, and there are 35 of them; blocks of 128
// channels hold the correlations that rounding profits from most in 1/96 of it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace lapidary::quant {

// Of one value whose last dim has `channels` elements.
struct BlockMoments {
  int64_t channels = 0;
  int64_t block_size = 128;
  int64_t rows = 0;         // vectors seen
  std::vector<float> sums;  // of x_i x_j, for each block [width, width], one after the other

  int64_t blocks() const { return (channels + block_size - 1) / block_size; }
  // Of the channels [i * block_size, min((i + 1) * block_size, channels)).
  int64_t width(int64_t i) const {
    return i + 1 < blocks() ? block_size : channels - i * block_size;
  }
  std::span<const float> block(int64_t i) const {
    const auto stride = static_cast<size_t>(block_size * block_size);
    const auto size = static_cast<size_t>(width(i) * width(i));
    return std::span(sums).subspan(static_cast<size_t>(i) * stride, size);
  }
};

using Moments = std::map<std::string, BlockMoments>;  // by value name

}  // namespace lapidary::quant
