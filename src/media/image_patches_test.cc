#include "media/image_patches.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lapidary::media {
namespace {

using checkpoint::ImageProcessorConfig;
using ::testing::HasSubstr;

ImageSize size_of(int64_t width, int64_t height, const ImageProcessorConfig& c = {}) {
  const auto size = resized_size({width, height}, c, "x");
  EXPECT_TRUE(size.ok());
  return size.ok() ? *size : ImageSize{};
}

// Sizes by get_aspect_ratio_preserving_size of the reference.
TEST(ResizedSize, KeepsTheAspectRatioWithinTheBudget) {
  EXPECT_EQ(size_of(4000, 3000), (ImageSize{912, 672}));
  EXPECT_EQ(size_of(1, 1), (ImageSize{768, 768}));
  EXPECT_EQ(size_of(1000000, 1), (ImageSize{280 * 48, 48}));
  EXPECT_EQ(size_of(1, 1000000), (ImageSize{48, 280 * 48}));
  EXPECT_EQ(size_of(640, 480, {.max_soft_tokens = 70}), (ImageSize{432, 336}));
}

// Would catch a size that is not whole blocks or past the budget, for any shape.
TEST(ResizedSize, IsAlwaysWholeBlocksWithinTheBudget) {
  for (const int64_t tokens : {70, 140, 280, 560, 1120}) {
    const ImageProcessorConfig c{.max_soft_tokens = tokens};
    for (int64_t width = 1; width < 100000; width = width * 3 / 2 + 1) {
      for (int64_t height = 1; height < 100000; height = height * 4 / 3 + 1) {
        const ImageSize size = size_of(width, height, c);
        EXPECT_GT(size.width, 0);
        EXPECT_GT(size.height, 0);
        EXPECT_EQ(size.width % 48, 0);
        EXPECT_EQ(size.height % 48, 0);
        EXPECT_LE(size.width * size.height, tokens * 48 * 48);
      }
    }
  }
}

TEST(ResizedSize, RefusesHostileConfigs) {
  EXPECT_FALSE(resized_size({10, 10}, {.patch_size = 1024, .pooling_kernel_size = 64}, "x").ok());
  EXPECT_FALSE(resized_size({10, 10}, {.max_soft_tokens = 0}, "x").ok());
  EXPECT_FALSE(resized_size({0, 10}, {}, "x").ok());
}

// 2 x 2 pixels in patches of 1: would catch a swap of x and y, of rows and columns, of channels.
TEST(ImagePatches, AreRowByRowAndChannelLast) {
  const Image image{2, 2, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}};
  const auto out = image_patches(image,
                                 {.do_resize = false,
                                  .do_rescale = false,
                                  .patch_size = 1,
                                  .max_soft_tokens = 70,
                                  .pooling_kernel_size = 2},
                                 "x");
  ASSERT_TRUE(out.ok()) << out.error().message();
  EXPECT_EQ(out->patches, 4);
  EXPECT_EQ(out->soft_tokens, 1);
  EXPECT_THAT(out->pixel_values, ::testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_THAT(out->position_ids, ::testing::ElementsAre(0, 0, 1, 0, 0, 1, 1, 1));
}

TEST(ImagePatches, WithoutResizingTheImageMustFit) {
  const auto error_of = [](int64_t width, int64_t height) {
    const Image image{width, height, std::vector<uint8_t>(static_cast<size_t>(width * height * 3))};
    const auto out = image_patches(image, {.do_resize = false, .max_soft_tokens = 70}, "x.png");
    return out.ok() ? std::string("fits") : out.error().message();
  };
  EXPECT_EQ(error_of(96, 48), "fits");
  EXPECT_THAT(error_of(96, 64), HasSubstr("x.png: the processor config has do_resize off, and the "
                                          "image is 96 x 64 (make its sides multiples of 48"));
  EXPECT_THAT(error_of(480, 384), HasSubstr("at most 161280 pixels"));
}

TEST(ImagePatches, FiltersThatTheReferenceLacksAreRefused) {
  const Image image{1, 1, {1, 2, 3}};
  for (const int64_t resample : {4, 5, -1}) {
    const auto out = image_patches(image, {.resample = resample}, "x.png");
    ASSERT_FALSE(out.ok());
    EXPECT_THAT(out.error().message(), HasSubstr(fmt::format("resample {}", resample)));
  }
}

}  // namespace
}  // namespace lapidary::media
