#include "media/log_mel.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <new>
#include <numbers>
#include <string>
#include <utility>

#include <kissfft.hh>

#include "media/mel_filters.h"

namespace lapidary::media {
namespace {

using checkpoint::AudioFeatureConfig;

constexpr int64_t kMaxFftLength = int64_t{1} << 20;
constexpr int64_t kMaxSamples = 480000;  // the reference's max_length: it drops what is beyond

// Settings that the reference has no meaning for either, and the one that is random.
Status check_config(const AudioFeatureConfig& config) {
  const std::string where = "audio feature extractor";
  if (config.dither != 0) {
    return bad_input(where, "dither is not 0: its noise makes every run another one",
                     "set dither to 0");
  }
  if (config.fft_length() < 2 || config.fft_length() > kMaxFftLength) {
    return bad_input(where,
                     fmt::format("frames of {} samples need an FFT of {}", config.frame_length(),
                                 config.fft_length()),
                     fmt::format("2 to {} are computed", kMaxFftLength));
  }
  if (config.hop_length() < 1 || config.feature_size < 1 || config.sampling_rate < 2) {
    return bad_input(where, "hop_length_ms, feature_size or sampling_rate is too small");
  }
  if (!(config.min_frequency >= 0 && config.min_frequency < config.max_frequency)) {
    return bad_input(where, "min_frequency must be below max_frequency, and neither negative");
  }
  for (const auto* values : {&config.per_bin_mean, &config.per_bin_stddev}) {
    if (!values->empty() && static_cast<int64_t>(values->size()) != config.feature_size) {
      return bad_input(where, "per_bin_mean and per_bin_stddev must have feature_size values");
    }
  }
  return {};
}

// Frames of which every sample, the dropped one included, is real.
int64_t valid_frames(const AudioFeatureConfig& config, int64_t samples) {
  const int64_t end = samples + config.frame_length() / 2 - (config.frame_length() + 1);
  return end < 0 ? 0 : end / config.hop_length() + 1;
}

}  // namespace

struct LogMelExtractor::Tables {
  explicit Tables(const AudioFeatureConfig& from);

  AudioFeatureConfig config;
  Status status;
  std::vector<float> window;
  std::vector<MelFilter> filters;
  kissfft<double> fft{1, false};

  // The samples of a frame, `frame_length` + 1, after scaling and with the silence in front.
  void gather(std::span<const float> samples, int64_t frame, std::span<float> out) const;
  // Pre-emphasis and window; `frame` has one sample more than `out`.
  void shape(std::span<const float> frame, std::span<double> out) const;
  Status log_mel(std::span<const float> magnitudes, std::span<float> out) const;
};

LogMelExtractor::Tables::Tables(const AudioFeatureConfig& from)
    : config(from), status(check_config(from)) {
  if (!status.ok()) return;
  try {
    const int64_t length = config.frame_length();
    window.resize(static_cast<size_t>(length));
    for (size_t i = 0; i < window.size(); ++i) {
      const double turn = static_cast<double>(i) / static_cast<double>(length);
      window[i] = static_cast<float>(0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * turn));
    }
    filters = make_mel_filters(config);
    // An FFT of real numbers is one of half as many complex ones.
    fft.assign(static_cast<size_t>(config.fft_length() / 2), false);
  } catch (const std::bad_alloc&) {
    status = bad_input("audio feature extractor", "the tables need more memory than there is");
  }
}

void LogMelExtractor::Tables::gather(std::span<const float> samples, int64_t frame,
                                     std::span<float> out) const {
  const int64_t begin = frame * config.hop_length() - config.frame_length() / 2;
  const auto scale = static_cast<float>(config.input_scale_factor);
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t at = begin + static_cast<int64_t>(i);
    out[i] = at < 0 ? 0.0F : samples[static_cast<size_t>(at)] * scale;
  }
}

void LogMelExtractor::Tables::shape(std::span<const float> frame, std::span<double> out) const {
  const size_t length = window.size();
  const auto factor = static_cast<float>(config.preemphasis);
  const auto put = [&](size_t i, float value) { out[i] = static_cast<double>(value * window[i]); };
  if (config.preemphasis <= 0) {
    for (size_t i = 0; i < length; ++i) put(i, frame[i]);
  } else if (config.preemphasis_htk_flavor) {
    put(0, frame[0] * static_cast<float>(1.0 - config.preemphasis));
    for (size_t i = 1; i < length; ++i) put(i, frame[i] - factor * frame[i - 1]);
  } else {
    for (size_t i = 0; i < length; ++i) put(i, frame[i + 1] - factor * frame[i]);
  }
}

Status LogMelExtractor::Tables::log_mel(std::span<const float> magnitudes,
                                        std::span<float> out) const {
  for (size_t i = 0; i < filters.size(); ++i) {
    double value = std::log(filters[i].apply(magnitudes) + config.mel_floor);
    if (!config.per_bin_mean.empty()) value -= config.per_bin_mean[i];
    if (!config.per_bin_stddev.empty()) value /= config.per_bin_stddev[i];
    out[i] = static_cast<float>(value);
    if (!std::isfinite(out[i])) {
      return bad_input("audio feature extractor", fmt::format("mel bin {} is not finite", i),
                       "the samples must be numbers around [-1, 1], per_bin_stddev not 0");
    }
  }
  return {};
}

LogMelExtractor::LogMelExtractor(const checkpoint::AudioFeatureConfig& config)
    : tables_(std::make_unique<const Tables>(config)) {}
LogMelExtractor::~LogMelExtractor() = default;
LogMelExtractor::LogMelExtractor(LogMelExtractor&&) noexcept = default;
LogMelExtractor& LogMelExtractor::operator=(LogMelExtractor&&) noexcept = default;

Result<LogMel> LogMelExtractor::extract(std::span<const float> samples) const {
  const Tables& t = *tables_;
  if (!t.status.ok()) return t.status.error();
  const auto count = static_cast<int64_t>(samples.size());
  const int64_t valid = valid_frames(t.config, count);
  const auto bins = static_cast<size_t>(t.config.feature_size);
  LogMel out{.frames = valid_frames(t.config, (count + 127) / 128 * 128),
             .bins = t.config.feature_size,
             .input_features = {},
             .input_features_mask = {}};
  try {
    out.input_features.resize(static_cast<size_t>(out.frames) * bins);
    out.input_features_mask.resize(static_cast<size_t>(out.frames));
    std::fill_n(out.input_features_mask.begin(), valid, uint8_t{1});

    const size_t half = static_cast<size_t>(t.config.fft_length()) / 2;
    std::vector<float> frame(t.window.size() + 1), magnitudes(half + 1);
    std::vector<double> shaped(2 * half);  // zeros behind the window
    std::vector<std::complex<double>> spectrum(half);
    const auto magnitude = [](double re, double im) {
      // Rounded as the reference rounds: a complex64 spectrum, a float32 magnitude.
      const auto x = static_cast<double>(static_cast<float>(re));
      const auto y = static_cast<double>(static_cast<float>(im));
      return static_cast<float>(std::sqrt(x * x + y * y));
    };
    for (int64_t i = 0; i < valid; ++i) {
      t.gather(samples, i, frame);
      t.shape(frame, shaped);
      t.fft.transform_real(shaped.data(), spectrum.data());
      // The first entry packs the two real ends of the spectrum.
      magnitudes[0] = magnitude(spectrum[0].real(), 0);
      magnitudes[half] = magnitude(spectrum[0].imag(), 0);
      for (size_t k = 1; k < half; ++k) {
        magnitudes[k] = magnitude(spectrum[k].real(), spectrum[k].imag());
      }
      const auto row = std::span(out.input_features).subspan(static_cast<size_t>(i) * bins, bins);
      LAP_RETURN_IF_ERROR(t.log_mel(magnitudes, row));
    }
  } catch (const std::bad_alloc&) {
    return bad_input("audio feature extractor",
                     fmt::format("a clip of {} samples needs more memory than there is", count),
                     "cut it into shorter clips");
  }
  return out;
}

int64_t audio_soft_tokens(std::span<const uint8_t> input_features_mask) {
  // Every second entry of every second entry, as the encoder's two strided convolutions leave.
  int64_t tokens = 0;
  for (size_t i = 0; i < input_features_mask.size(); i += 4) {
    tokens += input_features_mask[i] != 0 ? 1 : 0;
  }
  return tokens;
}

int64_t max_audio_samples(const checkpoint::ProcessorConfig& config) {
  const AudioFeatureConfig& audio = config.audio;
  // One frame fewer than would begin another group of four, and all samples before that frame's
  // end.
  const int64_t frames = 4 * config.audio_seq_length;
  const int64_t first_too_many =
      frames * audio.hop_length() + audio.frame_length() + 1 - audio.frame_length() / 2;
  return std::min(first_too_many - 1, kMaxSamples);
}

}  // namespace lapidary::media
