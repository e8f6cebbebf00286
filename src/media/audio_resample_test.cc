// Samples at another rate: how many there are, and which rates are none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <tuple>
#include <vector>

#include "media/audio_decoder.h"

namespace lapidary::media {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

TEST(Resample, KeepsTheSamplesAtTheSameRate) {
  const auto audio = resample({.sampling_rate = 16000, .samples = {0.1F, 0.2F}}, 16000);
  ASSERT_TRUE(audio.ok());
  EXPECT_THAT(audio->samples, ElementsAre(0.1F, 0.2F));
}

// ceil(samples x ratio), exactly: one sample off would shift the front end's mask.
TEST(Resample, RoundsTheLengthUp) {
  const std::tuple<int64_t, size_t, size_t> cases[] = {
      {48000, 1, 1},     {48000, 3, 1}, {48000, 4, 2},         {44100, 441, 160},
      {44100, 442, 161}, {8000, 5, 10}, {11025, 11025, 16000}, {22050, 0, 0}};
  for (const auto& [rate, count, expected] : cases) {
    const auto audio =
        resample({.sampling_rate = rate, .samples = std::vector<float>(count, 0.5F)}, 16000);
    ASSERT_TRUE(audio.ok()) << audio.error().message();
    EXPECT_EQ(audio->sampling_rate, 16000);
    EXPECT_THAT(audio->samples, SizeIs(expected)) << rate << " " << count;
  }
}

TEST(Resample, RefusesRatesThatAreNone) {
  const auto audio = resample({.sampling_rate = 0, .samples = {0.5F}}, 16000);
  ASSERT_FALSE(audio.ok());
  EXPECT_EQ(audio.error().kind, ErrorKind::kInternal);
}

}  // namespace
}  // namespace lapidary::media
