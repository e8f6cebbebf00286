#include "encoders/fixed_audio_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace lapidary::encoders {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kBins = 2;

// `real` frames of features 1, 2, ... and `padding` frames of features that nobody may see.
media::LogMel mel(int64_t real, int64_t padding) {
  media::LogMel out;
  out.frames = real + padding;
  out.bins = kBins;
  for (int64_t t = 0; t < out.frames; ++t) {
    out.input_features.insert(out.input_features.end(), kBins,
                              t < real ? static_cast<float>(t + 1) : 99.0F);
    out.input_features_mask.push_back(t < real ? 1 : 0);
  }
  return out;
}

package::AudioModel model(int64_t soft_tokens, int64_t chunk, int64_t past, int64_t future) {
  package::AudioModel out;
  out.attention_chunk_size = chunk;
  out.attention_past = past;
  out.attention_future = future;
  out.fixed_encoder = {soft_tokens, -100};
  return out;
}

std::vector<float> values(const ort::HostTensor& tensor) {
  std::vector<float> out(tensor.data.size() / sizeof(float));
  std::memcpy(out.data(), tensor.data.data(), tensor.data.size());
  return out;
}

// One string a query: '#' where it sees the place of its context.
std::vector<std::string> drawing(const ort::HostTensor& mask) {
  const auto context = static_cast<size_t>(mask.shape[2]);
  std::vector<std::string> rows;
  const std::vector<float> added = values(mask);
  for (size_t i = 0; i < added.size(); ++i) {
    if (i % context == 0) rows.emplace_back();
    EXPECT_TRUE(added[i] == 0 || added[i] == -100);
    rows.back() += added[i] == 0 ? '#' : '.';
  }
  return rows;
}

// Catches frames of padding that reach the first convolution, and a mask that is not every second
// frame's.
TEST(FixedAudioInputs, RealFramesThenZeros) {
  const auto inputs = fixed_audio_inputs(mel(5, 1), model(3, 2, 2, 0)).value();
  ASSERT_EQ(inputs.size(), 3U);
  EXPECT_EQ(inputs[0].name, "input_features");
  EXPECT_THAT(inputs[0].shape, ElementsAre(1, 12, kBins));
  std::vector<float> expected(24, 0.0F);
  for (size_t i = 0; i < 10; ++i) expected[i] = static_cast<float>(i / 2 + 1);
  EXPECT_EQ(values(inputs[0]), expected);
  EXPECT_EQ(inputs[1].name, "subsampled_mask");
  EXPECT_THAT(inputs[1].shape, ElementsAre(1, 6));
  EXPECT_THAT(values(inputs[1]), ElementsAre(1, 1, 1, 0, 0, 0));
}

// Catches windows that are one frame off, places before the clip or beyond it that are seen, and
// chunks that do not fill the last one. Five frames of 10 ms are two soft tokens.
TEST(FixedAudioInputs, AQuerySeesRealFramesOfItsWindow) {
  const auto inputs = fixed_audio_inputs(mel(12, 0), model(4, 2, 2, 0)).value();
  EXPECT_EQ(inputs[2].name, "attention_mask");
  EXPECT_THAT(inputs[2].shape, ElementsAre(2, 2, 4));
  EXPECT_EQ(drawing(inputs[2]), (std::vector<std::string>{"..#.", "..##", ".##.", "..#."}));
}

TEST(FixedAudioInputs, ALookAheadEndsWithTheClip) {
  const auto inputs = fixed_audio_inputs(mel(9, 3), model(5, 2, 1, 3)).value();
  EXPECT_THAT(inputs[2].shape, ElementsAre(3, 2, 6));
  EXPECT_EQ(drawing(inputs[2]),
            (std::vector<std::string>{".###..", "..##..", ".#....", "......", "......", "......"}));
}

// Catches a clip that is cut in silence. 17 frames of 10 ms are five soft tokens.
TEST(FixedAudioInputs, RefusesAClipThatIsTooLong) {
  EXPECT_TRUE(fixed_audio_inputs(mel(16, 3), model(4, 2, 2, 0)).ok());
  const auto out = fixed_audio_inputs(mel(17, 0), model(4, 2, 2, 0));
  ASSERT_FALSE(out.ok());
  EXPECT_THAT(out.error().message(), HasSubstr("5 soft tokens"));
  EXPECT_THAT(out.error().message(), HasSubstr("at most 4"));
}

TEST(FixedAudioInputs, NeedsAnEncoderOfFixedLength) {
  package::AudioModel any = model(4, 2, 2, 0);
  any.fixed_encoder.reset();
  EXPECT_FALSE(fixed_audio_inputs(mel(4, 0), any).ok());
}

}  // namespace
}  // namespace lapidary::encoders
