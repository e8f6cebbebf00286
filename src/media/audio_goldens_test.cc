// Sound files and front-end options against what transformers made of them
// (tests/oracle/make_audio_goldens.py).
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/testing/compare.h"
#include "base/testing/source_dir.h"
#include "media/audio_decoder.h"
#include "media/log_mel.h"

namespace lapidary::media {
namespace {

using checkpoint::AudioFeatureConfig;
using nlohmann::json;

const std::filesystem::path kRoot = source_dir();
const std::filesystem::path kFolder = kRoot / "tests/golden/media/audio";

constexpr double kMelTolerance = 1e-3;
// What an FFT in single precision would miss.
constexpr double kExactMelTolerance = 1e-5;
constexpr double kMinCorrelation = 0.999;

struct Goldens {
  json index;
  std::vector<float> values;

  std::span<const float> array(const json& entry) const {
    return std::span(values).subspan(entry["begin"].get<size_t>(), entry["size"].get<size_t>());
  }
};

const Goldens& goldens() {
  static const Goldens read = [] {
    Goldens g;
    g.index = json::parse(std::ifstream(kFolder / "goldens.json"));
    g.values.resize(std::filesystem::file_size(kFolder / "goldens.f32") / sizeof(float));
    std::ifstream(kFolder / "goldens.f32", std::ios::binary)
        .read(reinterpret_cast<char*>(g.values.data()),
              static_cast<std::streamsize>(g.values.size() * sizeof(float)));
    return g;
  }();
  return read;
}

// Vorbis, Opus and MP3 decoders may differ between versions in the last bits of a 16-bit sample.
bool is_lossy(const std::string& file) {
  return file.ends_with(".ogg") || file.ends_with(".opus") || file.ends_with(".mp3");
}

struct Worst {
  double native = 0, resampled = 0, mel = 0, resampled_mel = 0, correlation = 1;
};

double correlation(std::span<const float> a, std::span<const float> b) {
  if (std::isnan(max_difference(a, b))) return kNoMeasure;
  const std::vector<double> x(a.begin(), a.end()), y(b.begin(), b.end());
  const auto n = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  if (xx == 0 && yy == 0) return 1;  // constants: compared by difference alone
  return xy / std::sqrt(xx * yy);
}

// Compares with a stored signal; `windows` gets the stored windows' samples, ours and the golden's.
double compare_signal(std::span<const float> samples, const json& golden,
                      std::vector<float>* ours = nullptr, std::vector<float>* theirs = nullptr) {
  EXPECT_EQ(samples.size(), golden["count"].get<size_t>());
  if (samples.size() != golden["count"].get<size_t>()) return kNoMeasure;
  double worst = 0;
  for (const json& window : golden["windows"]) {
    const auto expected = goldens().array(window);
    const auto got = samples.subspan(window["at"].get<size_t>(), expected.size());
    worst = larger(worst, max_difference(got, expected));
    if (ours) ours->insert(ours->end(), got.begin(), got.end());
    if (theirs) theirs->insert(theirs->end(), expected.begin(), expected.end());
  }
  double sum_of_squares = 0;
  for (const float x : samples) sum_of_squares += static_cast<double>(x) * static_cast<double>(x);
  const double expected_sum = golden["sum_of_squares"].get<double>();
  EXPECT_NEAR(sum_of_squares, expected_sum, 1e-4 * expected_sum + 1e-9);
  return worst;
}

double compare_mel(const LogMel& mel, const json& golden) {
  EXPECT_EQ(mel.frames, golden["frames"].get<int64_t>());
  EXPECT_EQ(mel.bins, golden["bins"].get<int64_t>());
  if (mel.frames != golden["frames"] || mel.bins != golden["bins"]) return kNoMeasure;
  const auto bins = static_cast<size_t>(mel.bins);
  const auto valid = golden["valid"].get<size_t>();
  std::vector<uint8_t> mask(static_cast<size_t>(mel.frames), 0);
  std::fill_n(mask.begin(), valid, 1);
  EXPECT_EQ(mel.input_features_mask, mask);
  EXPECT_EQ(audio_soft_tokens(mel.input_features_mask), golden["soft_tokens"].get<int64_t>());
  const std::span<const float> features = mel.input_features;
  EXPECT_THAT(features.subspan(valid * bins), testing::Each(0.0F));

  double worst = 0;
  for (const json& row : golden["rows"]) {
    const auto got = features.subspan(row["frame"].get<size_t>() * bins, bins);
    worst = larger(worst, max_difference(got, goldens().array(row)));
  }
  if (valid == 0) return worst;
  std::vector<float> mean(bins);
  for (size_t bin = 0; bin < bins; ++bin) {
    double sum = 0;
    for (size_t i = 0; i < valid; ++i) sum += static_cast<double>(features[i * bins + bin]);
    mean[bin] = static_cast<float>(sum / static_cast<double>(valid));
  }
  return larger(worst, max_difference(mean, goldens().array(golden["mean"])));
}

// A wrong scale, channel mean, length rule, filter, window, mask or resampler shows here.
TEST(AudioGoldens, Clips) {
  const LogMelExtractor extractor{AudioFeatureConfig{}};
  Worst exact, lossy;
  const json& clips = goldens().index["clips"];
  ASSERT_GE(clips.size(), 40U);
  for (const json& clip : clips) {
    const auto file = clip["file"].get<std::string>();
    SCOPED_TRACE(file);
    auto audio = load_audio(kRoot / file);
    ASSERT_TRUE(audio.ok()) << audio.error().message();
    EXPECT_EQ(audio->sampling_rate, clip["rate"].get<int64_t>());
    Worst& worst = is_lossy(file) ? lossy : exact;
    const double native = compare_signal(audio->samples, clip["native"]);
    worst.native = larger(worst.native, native);
    EXPECT_LE(native, is_lossy(file) ? 1e-4 : 1e-7);

    const bool other_rate = audio->sampling_rate != 16000;
    auto at_16k = resample(std::move(*audio), 16000);
    ASSERT_TRUE(at_16k.ok()) << at_16k.error().message();
    EXPECT_EQ(at_16k->sampling_rate, 16000);
    if (other_rate) {
      std::vector<float> ours, theirs;
      const double difference = compare_signal(at_16k->samples, clip["resampled"], &ours, &theirs);
      const double agreement = correlation(ours, theirs);
      EXPECT_GE(agreement, kMinCorrelation);
      EXPECT_LE(difference, 1e-4);
      worst.correlation = smaller(worst.correlation, agreement);
      worst.resampled = larger(worst.resampled, difference);
    }

    const auto mel = extractor.extract(at_16k->samples);
    ASSERT_TRUE(mel.ok()) << mel.error().message();
    const double difference = compare_mel(*mel, clip["mel"]);
    double& worst_mel = other_rate ? worst.resampled_mel : worst.mel;
    worst_mel = larger(worst_mel, difference);
    EXPECT_LE(difference, other_rate || is_lossy(file) ? kMelTolerance : kExactMelTolerance);
  }
  for (const auto& [name, worst] : {std::pair("exact", exact), std::pair("lossy", lossy)}) {
    const auto record = [&](const char* what, double value) {
      RecordProperty(fmt::format("{}_{}", name, what), testing::PrintToString(value));
    };
    record("native", worst.native);
    record("resampled", worst.resampled);
    record("correlation", worst.correlation);
    record("mel", worst.mel);
    record("resampled_mel", worst.resampled_mel);
  }
}

AudioFeatureConfig with_options(const json& options) {
  AudioFeatureConfig c;
  const auto set = [&](const char* key, auto& field) {
    if (options.contains(key)) options[key].get_to(field);
  };
  set("feature_size", c.feature_size);
  set("sampling_rate", c.sampling_rate);
  set("padding_value", c.padding_value);
  set("frame_length_ms", c.frame_length_ms);
  set("hop_length_ms", c.hop_length_ms);
  set("min_frequency", c.min_frequency);
  set("max_frequency", c.max_frequency);
  set("preemphasis", c.preemphasis);
  set("preemphasis_htk_flavor", c.preemphasis_htk_flavor);
  set("fft_overdrive", c.fft_overdrive);
  set("input_scale_factor", c.input_scale_factor);
  set("mel_floor", c.mel_floor);
  set("per_bin_mean", c.per_bin_mean);
  set("per_bin_stddev", c.per_bin_stddev);
  return c;
}

// An option that is dropped, or applied at the wrong place or in the wrong order, shows here.
TEST(AudioGoldens, Options) {
  double worst = 0;
  for (const json& variant : goldens().index["variants"]) {
    SCOPED_TRACE(variant["name"].get<std::string>());
    // The script's sawtooth over a square, with silence between.
    std::vector<float> samples(variant["samples"].get<size_t>());
    for (size_t n = 0; n < samples.size(); ++n) {
      const double wave = static_cast<double>(n % 97) / 256 - (n % 512 >= 256 ? 0.125 : 0) - 0.125;
      samples[n] = n % 3000 < 2000 ? static_cast<float>(wave) : 0.0F;
    }
    const auto mel = LogMelExtractor(with_options(variant["options"])).extract(samples);
    ASSERT_TRUE(mel.ok()) << mel.error().message();
    const double difference = compare_mel(*mel, variant["mel"]);
    worst = larger(worst, difference);
    EXPECT_LE(difference, kExactMelTolerance);
  }
  RecordProperty("mel", testing::PrintToString(worst));
}

}  // namespace
}  // namespace lapidary::media
