#include "encoders/placeholders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "base/testing/source_dir.h"

namespace lapidary::encoders {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<MediaTokens> kKinds = {{MediaKind::kImage, 19, "<|image|>", "<i>", "</i>"},
                                         {MediaKind::kVideo, 23, "<|video|>", "<i>", "</i>"},
                                         {MediaKind::kAudio, 20, "<|audio|>", "<a>", "</a>"}};

EncodedMedia item(MediaKind kind, const std::string& replacement,
                  const std::vector<int64_t>& counts = {}) {
  EncodedMedia out;
  out.kind = kind;
  out.replacement = replacement;
  for (const int64_t count : counts) {
    auto tokens = std::make_shared<engine::SoftTokens>();
    tokens->count = count;
    out.blocks.push_back(std::move(tokens));
  }
  return out;
}

std::string expanded(const std::string& text, const std::vector<EncodedMedia>& media) {
  const auto result = expand_placeholders(text, kKinds, media);
  return result.ok() ? *result : result.error().message();
}

TEST(Placeholders, MarkedIsOnePlaceholderForEachSoftToken) {
  EXPECT_EQ(kKinds[0].marked(3), "<i><|image|><|image|><|image|></i>");
}

// Each kind has its own order, whatever the order of the list.
TEST(Placeholders, EachTakesTheNextItemOfItsKind) {
  const std::vector<EncodedMedia> media = {
      item(MediaKind::kAudio, "A1"), item(MediaKind::kImage, "I1"), item(MediaKind::kImage, "I2"),
      item(MediaKind::kVideo, "V1")};
  EXPECT_EQ(expanded("x<|image|>y<|audio|><|image|>z<|video|>", media), "xI1yA1I2zV1");
}

// A replacement holds placeholders itself: catches one that is expanded again.
TEST(Placeholders, WhatWasPutInIsNotLookedAtAgain) {
  EXPECT_EQ(expanded("<|image|><|image|>", {item(MediaKind::kImage, kKinds[0].marked(2)),
                                            item(MediaKind::kImage, kKinds[0].marked(1))}),
            "<i><|image|><|image|></i><i><|image|></i>");
}

TEST(Placeholders, WithoutMediaTextStaysAsItIs) { EXPECT_EQ(expanded("a < b", {}), "a < b"); }

TEST(Placeholders, NumbersMustAgreeForEachKind) {
  const auto image = item(MediaKind::kImage, "I");
  EXPECT_THAT(expanded("<|image|>", {}), AllOf(HasSubstr("1 <|image|> for 0 image files"),
                                               HasSubstr("one file for each <|image|>")));
  EXPECT_THAT(expanded("none", {image}), HasSubstr("0 <|image|> for 1 image file"));
  EXPECT_THAT(expanded("<|image|><|audio|>", {image}), HasSubstr("1 <|audio|> for 0 audio files"));
}

TEST(Placeholders, AKindThatThePackageLacksIsRefused) {
  const std::vector<MediaTokens> only_images = {kKinds[0]};
  const auto result =
      expand_placeholders("<|audio|>", only_images, std::vector{item(MediaKind::kAudio, "A")});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kUnsupported);
  EXPECT_TRUE(expand_placeholders("<|audio|>", only_images, {}).ok()) << "only text to it";
}

TEST(PlaceBlocks, PutsEachBlockAtItsRun) {
  const std::vector<int32_t> ids = {2, 17, 19, 19, 21, 18, 20, 22, 17, 23, 21, 5, 17, 23, 23, 21};
  const std::vector<EncodedMedia> media = {item(MediaKind::kVideo, "", {1, 2}),
                                           item(MediaKind::kAudio, "", {1}),
                                           item(MediaKind::kImage, "", {2})};
  const auto blocks = place_blocks(ids, kKinds, media).value();
  ASSERT_THAT(blocks, SizeIs(4));
  EXPECT_EQ(blocks[0].begin, 2);
  EXPECT_EQ(blocks[0].tokens, media[2].blocks[0]);
  EXPECT_EQ(blocks[1].begin, 6);
  EXPECT_EQ(blocks[1].medium, engine::Medium::kAudio);
  EXPECT_EQ(blocks[2].begin, 9);
  EXPECT_EQ(blocks[2].medium, engine::Medium::kImage) << "a video frame is an image";
  EXPECT_EQ(blocks[3].begin, 13);
  EXPECT_EQ(blocks[3].tokens, media[0].blocks[1]);
}

// Marks may be missing: two images side by side are still two blocks.
TEST(PlaceBlocks, NeighboursShareARun) {
  const std::vector<EncodedMedia> media = {item(MediaKind::kImage, "", {2}),
                                           item(MediaKind::kImage, "", {1})};
  const auto blocks = place_blocks(std::vector<int32_t>{19, 19, 19}, kKinds, media).value();
  ASSERT_THAT(blocks, SizeIs(2));
  EXPECT_EQ(blocks[1].begin, 2);
}

TEST(PlaceBlocks, PlaceholdersAndSoftTokensMustAgree) {
  const std::vector<EncodedMedia> media = {item(MediaKind::kImage, "", {2})};
  for (const std::vector<int32_t>& ids :
       {std::vector<int32_t>{19}, {19, 5, 19}, {19, 19, 19}, {}, {5, 19}}) {
    const auto blocks = place_blocks(ids, kKinds, media);
    ASSERT_FALSE(blocks.ok());
    EXPECT_EQ(blocks.error().kind, ErrorKind::kInternal);
  }
  EXPECT_FALSE(place_blocks(std::vector<int32_t>{20}, kKinds, {}).ok());
}

TEST(MediaTokens, ComeFromTheManifestsIds) {
  const auto tokenizer =
      text::Tokenizer::load(source_dir() / "models/tiny-gemma4/checkpoint/tokenizer.json");
  ASSERT_TRUE(tokenizer.ok());
  package::Manifest manifest;
  EXPECT_THAT(media_tokens(manifest, *tokenizer).value(), IsEmpty());
  manifest.vision = {.image_token_id = 19, .video_token_id = -1, .boi_token_id = 17};
  auto kinds = media_tokens(manifest, *tokenizer).value();
  ASSERT_THAT(kinds, SizeIs(1)) << "no videos without their placeholder";
  EXPECT_EQ(kinds[0].placeholder, "<|image|>");
  EXPECT_EQ(kinds[0].begin_mark, *tokenizer->id_to_token(17));
  EXPECT_EQ(kinds[0].end_mark, "");
  manifest.audio = {.audio_token_id = 70'000};
  const auto unknown = media_tokens(manifest, *tokenizer);
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().message(), HasSubstr("70000"));
}

}  // namespace
}  // namespace lapidary::encoders
