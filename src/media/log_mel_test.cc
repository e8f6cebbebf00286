#include "media/log_mel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "media/mel_filters.h"

namespace lapidary::media {
namespace {

using checkpoint::AudioFeatureConfig;
using checkpoint::ProcessorConfig;
using testing::HasSubstr;

LogMel extract(const AudioFeatureConfig& config, size_t samples) {
  const auto mel = LogMelExtractor(config).extract(std::vector<float>(samples, 0.25F));
  EXPECT_TRUE(mel.ok()) << mel.error().message();
  return mel.ok() ? *mel : LogMel{};
}

int64_t valid(const LogMel& mel) {
  return std::accumulate(mel.input_features_mask.begin(), mel.input_features_mask.end(),
                         int64_t{0});
}

// One sample more or less at the places where a frame begins to exist, or to be real.
TEST(LogMel, CountsFrames) {
  struct {
    size_t samples;
    int64_t frames, valid;
  } const cases[] = {{0, 0, 0},   {1, 0, 0},   {128, 0, 0}, {129, 1, 0},    {160, 1, 0},
                     {161, 1, 1}, {320, 2, 1}, {321, 2, 2}, {16000, 99, 99}};
  for (const auto& c : cases) {
    const LogMel mel = extract({}, c.samples);
    EXPECT_EQ(mel.frames, c.frames) << c.samples;
    EXPECT_EQ(valid(mel), c.valid) << c.samples;
    EXPECT_EQ(mel.input_features.size(), static_cast<size_t>(c.frames) * 128) << c.samples;
  }
}

// Full scale at a filter's centre: a front end in another unit (power, dB) would be far off.
TEST(LogMel, PutsAToneIntoItsBin) {
  std::vector<float> tone(3200);
  for (size_t i = 0; i < tone.size(); ++i) {
    tone[i] = static_cast<float>(std::sin(2 * M_PI * 1000 * static_cast<double>(i) / 16000));
  }
  const auto mel = LogMelExtractor(AudioFeatureConfig{}).extract(tone);
  ASSERT_TRUE(mel.ok());
  const auto* row = &mel->input_features[10 * 128];
  const auto loudest = std::max_element(row, row + 128) - row;
  // mel(1000 Hz) = 1000; 129 steps up to mel(8000 Hz) = 2840.
  EXPECT_NEAR(static_cast<double>(loudest + 1), 1000.0 / 2840.0 * 129, 1.0);
  EXPECT_GT(row[loudest], 3.5F);
  EXPECT_LT(row[loudest], 5.5F);
}

TEST(LogMel, SilenceIsTheFloor) {
  const auto mel = LogMelExtractor(AudioFeatureConfig{}).extract(std::vector<float>(1600, 0.0F));
  ASSERT_TRUE(mel.ok());
  EXPECT_THAT(mel->input_features.front(), testing::FloatEq(std::log(1e-3F)));
}

TEST(LogMel, RefusesWhatItCannotFollow) {
  const auto refusal = [](const auto& change) {
    AudioFeatureConfig config;
    change(config);
    const auto mel = LogMelExtractor(config).extract(std::vector<float>(1600, 0.1F));
    EXPECT_FALSE(mel.ok());
    if (mel.ok()) return std::string();
    EXPECT_EQ(mel.error().kind, ErrorKind::kBadInput);
    return mel.error().message();
  };
  using Config = AudioFeatureConfig;
  EXPECT_THAT(refusal([](Config& c) { c.dither = 1e-4; }), HasSubstr("dither"));
  EXPECT_THAT(refusal([](Config& c) { c.frame_length_ms = 1000.0 / 16000; }), HasSubstr("FFT"));
  EXPECT_THAT(refusal([](Config& c) { c.sampling_rate = 1 << 24, c.frame_length_ms = 10000; }),
              HasSubstr("FFT"));
  EXPECT_THAT(refusal([](Config& c) { c.min_frequency = 8000; }), HasSubstr("min_frequency"));
  EXPECT_THAT(refusal([](Config& c) { c.max_frequency = NAN; }), HasSubstr("max_frequency"));
  EXPECT_THAT(refusal([](Config& c) { c.per_bin_mean = {1, 2}; }), HasSubstr("per_bin"));
  EXPECT_THAT(refusal([](Config& c) { c.per_bin_stddev.assign(128, 0.0); }),
              HasSubstr("not finite"));
  EXPECT_THAT(refusal([](Config& c) { c.input_scale_factor = 1e38; }), HasSubstr("not finite"));
}

// Bounds that only a hostile file has: no memory or undefined arithmetic for filters out of range.
TEST(LogMel, FiltersFarAboveTheSpectrumAreEmpty) {
  AudioFeatureConfig config;
  config.min_frequency = 1e200;
  config.max_frequency = 1e300;
  for (const MelFilter& filter : make_mel_filters(config)) EXPECT_TRUE(filter.weights.empty());
  EXPECT_EQ(extract(config, 1600).frames, 10);
}

TEST(MelFilters, NeighboursShareEveryBin) {
  AudioFeatureConfig config;
  config.feature_size = 20;
  const auto filters = make_mel_filters(config);
  std::vector<double> sum(257, 0.0);
  for (const MelFilter& filter : filters) {
    for (size_t i = 0; i < filter.weights.size(); ++i)
      sum[filter.first_bin + i] += filter.weights[i];
  }
  // Between the first and the last centre the triangles add up to one.
  for (size_t bin = 10; bin < 200; ++bin) EXPECT_NEAR(sum[bin], 1.0, 1e-12) << bin;
}

TEST(AudioSoftTokens, HalvesTwiceRoundingUp) {
  for (size_t frames = 0; frames < 20; ++frames) {
    const std::vector<uint8_t> mask(frames, 1);
    EXPECT_EQ(audio_soft_tokens(mask), static_cast<int64_t>((frames + 3) / 4));
  }
  // Frames 0 and 4 are what counts, not the number of ones.
  EXPECT_EQ(audio_soft_tokens(std::vector<uint8_t>{1, 1, 1, 1, 0, 0}), 1);
  EXPECT_EQ(audio_soft_tokens(std::vector<uint8_t>{0, 1, 1, 1, 1}), 1);
}

// The longest clip makes exactly the tokens allowed, one sample more would make another.
TEST(MaxAudioSamples, IsTheLastThatFits) {
  for (const int64_t tokens : {int64_t{1}, int64_t{2}, int64_t{25}}) {
    ProcessorConfig config;
    config.audio_seq_length = tokens;
    for (const double frame_ms : {20.0, 20.0625, 25.0}) {
      config.audio.frame_length_ms = frame_ms;
      const int64_t most = max_audio_samples(config);
      const auto count = [&](int64_t samples) {
        return audio_soft_tokens(
            extract(config.audio, static_cast<size_t>(samples)).input_features_mask);
      };
      EXPECT_EQ(count(most), tokens);
      EXPECT_EQ(count(most + 1), tokens + 1);
    }
  }
}

// The reference drops what is beyond 480000 samples: a clip of that length is the longest.
TEST(MaxAudioSamples, IsAtMostWhatTheReferenceKeeps) {
  ProcessorConfig config;
  EXPECT_EQ(max_audio_samples(config), 480000);
  config.audio_seq_length = 1 << 20;
  EXPECT_EQ(max_audio_samples(config), 480000);
  EXPECT_EQ(audio_soft_tokens(extract(config.audio, 480000).input_features_mask), 750);
}

}  // namespace
}  // namespace lapidary::media
