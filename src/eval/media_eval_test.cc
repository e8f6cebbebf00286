#include "eval/media_eval.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lapidary::eval {
namespace {

using encoders::MediaKind;

MediaQuestion question(MediaKind kind, const std::string& reference,
                       std::vector<int32_t> recorded = {}) {
  return {{kind, "x"}, "x", "?", reference, std::move(recorded)};
}

TEST(Judge, ComparesTextAndTokensApart) {
  const MediaAnswer right =
      judge(question(MediaKind::kImage, "A star.", {3, 6}), "A star.", {3, 6});
  EXPECT_TRUE(right.exact);
  EXPECT_EQ(right.equals_recorded, true);
  EXPECT_FALSE(right.words);
  // The same text by other tokens is not what was recorded; a shorter reply is not either.
  EXPECT_EQ(
      judge(question(MediaKind::kImage, "A star.", {3, 6}), "A star.", {4, 6}).equals_recorded,
      false);
  EXPECT_EQ(judge(question(MediaKind::kImage, "A star.", {3, 6}), "A star.", {3}).equals_recorded,
            false);
  EXPECT_FALSE(judge(question(MediaKind::kImage, "A star."), "A star", {3}).exact);
  EXPECT_FALSE(judge(question(MediaKind::kImage, "A star."), "A star", {3}).equals_recorded);
}

// Catches kinds counted together, and items without a record counted as unequal ones.
TEST(Score, CountsEachKindAlone) {
  const std::vector<MediaAnswer> answers = {
      judge(question(MediaKind::kImage, "a", {1}), "a", {1}),
      judge(question(MediaKind::kImage, "b"), "c", {2}),
      judge(question(MediaKind::kAudio, "one two", {1}), "one", {2}),
      judge(question(MediaKind::kAudio, "three", {1}), "three", {1}),
  };
  const MediaScore images = score(answers, MediaKind::kImage);
  EXPECT_EQ(images.items, 2);
  EXPECT_EQ(images.exact, 1);
  EXPECT_EQ(images.recorded, 1);
  EXPECT_EQ(images.equal_to_recorded, 1);
  EXPECT_EQ(images.words, WordErrors{});
  EXPECT_DOUBLE_EQ(images.exact_match(), 0.5);
  const MediaScore audio = score(answers, MediaKind::kAudio);
  EXPECT_EQ(audio.items, 2);
  EXPECT_EQ(audio.recorded, 2);
  EXPECT_EQ(audio.equal_to_recorded, 1);
  EXPECT_EQ(audio.words, (WordErrors{1, 3}));
  EXPECT_TRUE(std::isnan(score({}, MediaKind::kAudio).exact_match()));
}

}  // namespace
}  // namespace lapidary::eval
