// Decoded sound: one channel of float samples.
#pragma once

#include <cstdint>
#include <vector>

namespace lapidary::media {

struct Audio {
  int64_t sampling_rate = 0;   // Hz
  std::vector<float> samples;  // mono, full scale is [-1, 1]
  double seconds() const {
    return static_cast<double>(samples.size()) / static_cast<double>(sampling_rate);
  }
};

}  // namespace lapidary::media
