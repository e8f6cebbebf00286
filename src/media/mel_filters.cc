#include "media/mel_filters.h"

#include <algorithm>
#include <cmath>

namespace lapidary::media {
namespace {

double hertz_to_mel(double hertz) { return 2595.0 * std::log10(1.0 + hertz / 700.0); }
double mel_to_hertz(double mel) { return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0); }

}  // namespace

std::vector<MelFilter> make_mel_filters(const checkpoint::AudioFeatureConfig& config) {
  const auto count = static_cast<size_t>(config.feature_size);
  const double low = hertz_to_mel(config.min_frequency);
  const double step =
      (hertz_to_mel(config.max_frequency) - low) / static_cast<double>(config.feature_size + 1);
  std::vector<double> corners(count + 2);
  for (size_t i = 0; i < corners.size(); ++i) {
    corners[i] = mel_to_hertz(low + static_cast<double>(i) * step);
  }

  // The last bin lies at half the sampling rate, rounded down to a whole number of Hz.
  const int64_t last_bin = config.fft_length() / 2;
  const int64_t nyquist = config.sampling_rate / 2;
  const double width = static_cast<double>(nyquist) / static_cast<double>(last_bin);
  std::vector<MelFilter> filters(count);
  for (size_t i = 0; i < count; ++i) {
    const double left = corners[i], centre = corners[i + 1], right = corners[i + 2];
    const auto begin =
        static_cast<int64_t>(std::min(left / width, static_cast<double>(last_bin) + 1));
    for (int64_t bin = begin; bin <= last_bin; ++bin) {
      const double hertz = static_cast<double>(bin) * width;
      if (hertz >= right) break;
      const double weight =
          std::min((hertz - left) / (centre - left), (right - hertz) / (right - centre));
      if (weight <= 0) continue;
      if (filters[i].weights.empty()) filters[i].first_bin = static_cast<size_t>(bin);
      filters[i].weights.push_back(weight);
    }
  }
  return filters;
}

}  // namespace lapidary::media
