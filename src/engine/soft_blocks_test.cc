#include "engine/soft_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace lapidary::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kHidden = 2;

// Features count up from `first`, two a row.
SoftBlock block(int64_t begin, int64_t count, Medium medium, const std::string& hash,
                float first = 0) {
  auto tokens = std::make_shared<SoftTokens>();
  tokens->count = count;
  tokens->content_hash = hash;
  for (int64_t i = 0; i < count * kHidden; ++i) tokens->features.push_back(first++);
  return {begin, medium, std::move(tokens)};
}
SoftBlock image(int64_t begin, int64_t count, const std::string& hash, float first = 0) {
  return block(begin, count, Medium::kImage, hash, first);
}

// Ten tokens, with images where the blocks are.
Prompt prompt(std::vector<SoftBlock> blocks) {
  return Prompt({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, std::move(blocks));
}

TEST(CommonPrefix, OfTextLeavesTheLastTokenOut) {
  EXPECT_EQ(common_prefix(prompt({}), prompt({}), false), 9);
  EXPECT_EQ(common_prefix(Prompt({1, 2, 9}), prompt({}), false), 2);
  EXPECT_EQ(common_prefix(Prompt(), prompt({}), false), 0);
  EXPECT_EQ(common_prefix(prompt({}), Prompt(), false), 0);
}

// Equal ids are not enough: catches a reply about the image of an earlier prompt.
TEST(CommonPrefix, EndsAtTheFirstOtherImage) {
  const Prompt held = prompt({image(2, 3, "a"), image(6, 2, "b")});
  EXPECT_EQ(common_prefix(held, prompt({image(2, 3, "a"), image(6, 2, "b")}), false), 9);
  EXPECT_EQ(common_prefix(held, prompt({image(2, 3, "a"), image(6, 2, "c")}), false), 6);
  EXPECT_EQ(common_prefix(held, prompt({image(2, 3, "c"), image(6, 2, "b")}), false), 2);
  EXPECT_EQ(common_prefix(held, prompt({image(2, 3, "a")}), false), 6);
  EXPECT_EQ(common_prefix(held, prompt({}), false), 2);
  EXPECT_EQ(common_prefix(prompt({}), held, false), 2);
  EXPECT_EQ(common_prefix(held, prompt({block(2, 3, Medium::kAudio, "a")}), false), 2);
  EXPECT_EQ(common_prefix(held, prompt({image(3, 3, "a")}), false), 2);
}

// Soft tokens that do not say what they are made of equal only themselves.
TEST(CommonPrefix, WithoutAHashContentIsUnknown) {
  const SoftBlock unnamed = image(2, 3, "");
  EXPECT_EQ(common_prefix(prompt({unnamed}), prompt({unnamed}), false), 9);
  EXPECT_EQ(common_prefix(prompt({unnamed}), prompt({image(2, 3, "")}), false), 2);
}

TEST(CommonPrefix, MayEndInsideAnImageUnlessItAttendsToItself) {
  Prompt held = prompt({image(2, 5, "a")});
  held.ids.resize(4);  // the rest of the image was not run
  EXPECT_EQ(common_prefix(held, prompt({image(2, 5, "a")}), false), 4);
  EXPECT_EQ(common_prefix(held, prompt({image(2, 5, "a")}), true), 2);
  const Prompt ends_with_image = prompt({image(5, 5, "a")});
  EXPECT_EQ(common_prefix(ends_with_image, ends_with_image, false), 9);
  EXPECT_EQ(common_prefix(ends_with_image, ends_with_image, true), 5);
}

// Images side by side attend to each other: the keys of the first depend on the second.
TEST(CommonPrefix, ANeighbourThatDiffersTakesTheWholeRunWithIt) {
  const Prompt held = prompt({image(2, 3, "a"), image(5, 2, "b")});
  EXPECT_EQ(common_prefix(held, prompt({image(2, 3, "a"), image(5, 2, "c")}), true), 2);
  EXPECT_EQ(common_prefix(held, prompt({image(2, 3, "a")}), true), 2);
  EXPECT_EQ(common_prefix(prompt({image(2, 3, "a")}), held, true), 2);
  EXPECT_EQ(common_prefix(held, prompt({image(2, 3, "a"), image(5, 2, "c")}), false), 5);
}

TEST(ImageRuns, JoinNeighboursAndLeaveSoundOut) {
  EXPECT_THAT(
      image_runs(std::vector<SoftBlock>{image(0, 2, "a"), image(2, 2, "b"), image(5, 1, "c"),
                                        block(6, 2, Medium::kAudio, "d"), image(8, 1, "e")}),
      ElementsAre(Range{0, 4}, Range{5, 6}, Range{8, 9}));
}

TEST(SoftRows, AreThoseOfTheRangeAndTheMedium) {
  const std::vector<SoftBlock> blocks = {image(1, 2, "a", 10), block(3, 1, Medium::kAudio, "b", 50),
                                         image(4, 2, "c", 20)};
  std::vector<float> buffer;
  const auto rows = [&](Medium medium, Range range) {
    const auto span = soft_rows(blocks, medium, range, kHidden, buffer);
    return std::vector<float>(span.begin(), span.end());
  };
  EXPECT_THAT(rows(Medium::kImage, {0, 9}), ElementsAre(10, 11, 12, 13, 20, 21, 22, 23));
  EXPECT_THAT(rows(Medium::kImage, {2, 5}), ElementsAre(12, 13, 20, 21));
  EXPECT_THAT(rows(Medium::kImage, {5, 9}), ElementsAre(22, 23));
  EXPECT_THAT(rows(Medium::kAudio, {0, 9}), ElementsAre(50, 51));
  EXPECT_THAT(rows(Medium::kAudio, {0, 3}), IsEmpty());
}

// One image is the common case, and large.
TEST(SoftRows, OfOneBlockAreNotCopied) {
  const std::vector<SoftBlock> blocks = {image(1, 4, "a", 10)};
  std::vector<float> buffer;
  EXPECT_EQ(soft_rows(blocks, Medium::kImage, {2, 9}, kHidden, buffer).data(),
            blocks[0].tokens->features.data() + kHidden);
}

TEST(TokenTypes, AreImageOneAndSoundThree) {
  const std::vector<SoftBlock> blocks = {image(1, 2, "a"), block(4, 3, Medium::kAudio, "b")};
  std::vector<int64_t> types(8, 9);
  write_token_types(blocks, {2, 8}, types);
  EXPECT_THAT(types, ElementsAre(1, 0, 3, 3, 3, 0, 9, 9));
}

TEST(CheckBlocks, RefusesWhatDoesNotFitThePrompt) {
  const auto error_of = [](std::vector<SoftBlock> blocks) {
    const Status status = check_blocks(prompt(std::move(blocks)), kHidden);
    return status.ok() ? std::string() : status.error().message();
  };
  EXPECT_EQ(error_of({image(0, 5, "a"), image(5, 5, "b")}), "");
  EXPECT_THAT(error_of({image(0, 5, "a"), image(4, 2, "b")}), HasSubstr("position 4"));
  EXPECT_THAT(error_of({image(4, 2, "b"), image(0, 3, "a")}), HasSubstr("overlap"));
  EXPECT_THAT(error_of({image(6, 5, "a")}), HasSubstr("beyond"));
  EXPECT_THAT(error_of({image(0, 0, "a")}), HasSubstr("none"));
  EXPECT_THAT(error_of({{3, Medium::kImage, nullptr}}), HasSubstr("none"));
  auto narrow = std::make_shared<SoftTokens>(*image(0, 2, "a").tokens);
  narrow->features.pop_back();
  EXPECT_THAT(error_of({{0, Medium::kImage, narrow}}), HasSubstr("3 features, expected 4"));
}

}  // namespace
}  // namespace lapidary::engine
