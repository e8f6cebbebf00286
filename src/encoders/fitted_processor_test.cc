#include "encoders/fitted_processor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "media/image_patches.h"
#include "media/log_mel.h"

namespace lapidary::encoders {
namespace {

using checkpoint::ProcessorConfig;

package::Manifest with_lengths(int64_t image, int64_t clip) {
  package::Manifest out;
  out.vision.emplace();
  out.vision->fixed_encoder = package::FixedEncoder{.soft_tokens = image, .masked = -100};
  out.audio.emplace();
  out.audio->fixed_encoder = package::FixedEncoder{.soft_tokens = clip, .masked = -100};
  return out;
}

TEST(FittedProcessor, LeavesWhatEncodersOfAnyLengthTake) {
  package::Manifest any;
  const auto same = fitted_processor({}, any);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->image, ProcessorConfig().image);
  any.vision.emplace();
  any.audio.emplace();
  EXPECT_EQ(fitted_processor({}, any)->audio_seq_length, 750);
}

// An encoder of 140 cannot see an image of 280; one of 300 sees one of 280 with padding.
TEST(FittedProcessor, ImagesGetTheLargestBudgetThatFits) {
  const auto smaller = fitted_processor({}, with_lengths(140, 750));
  ASSERT_TRUE(smaller.ok());
  EXPECT_EQ(smaller->image.max_soft_tokens, 140);
  EXPECT_EQ(smaller->video.frames.max_soft_tokens, 70) << "frames keep their own, which fits";
  EXPECT_EQ(fitted_processor({}, with_lengths(279, 750))->image.max_soft_tokens, 140);
  EXPECT_EQ(fitted_processor({}, with_lengths(280, 750))->image.max_soft_tokens, 280);
  EXPECT_EQ(fitted_processor({}, with_lengths(300, 750))->image.max_soft_tokens, 280);
  ProcessorConfig large;
  large.video.frames.max_soft_tokens = 280;
  EXPECT_EQ(fitted_processor(large, with_lengths(70, 750))->video.frames.max_soft_tokens, 70);
}

TEST(FittedProcessor, AnEncoderShorterThanAnyImageIsRefused) {
  const auto none = fitted_processor({}, with_lengths(69, 750));
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(none.error().message(), testing::HasSubstr("69 soft tokens"));
  EXPECT_THAT(none.error().message(), testing::HasSubstr("at least 70"));
}

// Pieces of split sound are as long as max_audio_samples says.
TEST(FittedProcessor, SoundIsCutToWhatTheEncoderTakes) {
  EXPECT_EQ(fitted_processor({}, with_lengths(280, 1000))->audio_seq_length, 750);
  const auto fitted = fitted_processor({}, with_lengths(280, 48));
  ASSERT_TRUE(fitted.ok());
  EXPECT_EQ(fitted->audio_seq_length, 48);
  const media::LogMelExtractor mel(fitted->audio);
  const std::vector<float> longest(static_cast<size_t>(media::max_audio_samples(*fitted)), 0.1F);
  const auto frames = mel.extract(longest);
  ASSERT_TRUE(frames.ok());
  EXPECT_EQ(media::audio_soft_tokens(frames->input_features_mask), 48);
}

}  // namespace
}  // namespace lapidary::encoders
