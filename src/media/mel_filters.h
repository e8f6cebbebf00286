// Triangular mel filters on the HTK scale, each stored as the run of frequency bins that it
// touches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "checkpoint/processor_config.h"

namespace lapidary::media {

// One filter: weights of the bins first_bin, first_bin + 1, ... May touch none: between two bins.
struct MelFilter {
  size_t first_bin = 0;
  std::vector<double> weights;

  double apply(std::span<const float> magnitudes) const {
    double sum = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      sum += weights[i] * static_cast<double>(magnitudes[first_bin + i]);
    }
    return sum;
  }
};

// feature_size filters over the fft_length / 2 + 1 bins of an FFT, from min_frequency to
// max_frequency, which must be larger. Their corners are equally far apart on the mel scale and
// their slopes straight in Hz, not normalized. Source: mel_filter_bank(norm=None, mel_scale="htk")
// of transformers 5.23 (audio_utils.py).
std::vector<MelFilter> make_mel_filters(const checkpoint::AudioFeatureConfig& config);

}  // namespace lapidary::media
