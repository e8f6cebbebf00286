#include "media/resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace lapidary::media {
namespace {

Image filled(int64_t width, int64_t height, uint8_t value) {
  return {width, height, std::vector<uint8_t>(static_cast<size_t>(width * height * 3), value)};
}

Image noise(int64_t width, int64_t height) {
  std::mt19937 random(3);
  Image image = filled(width, height, 0);
  for (uint8_t& v : image.rgb) v = static_cast<uint8_t>(random());
  return image;
}

constexpr std::array kFilters = {Resample::kNearest, Resample::kLanczos, Resample::kBilinear,
                                 Resample::kBicubic};

// Would catch weights that do not sum to one, at the edges above all.
TEST(Resize, ConstantImagesStayConstant) {
  for (const Resample filter : kFilters) {
    for (const uint8_t value : std::array<uint8_t, 5>{0, 1, 127, 254, 255}) {
      for (const auto& [w, h] : {std::pair{7, 3}, {100, 64}, {1, 900}, {5000, 1}}) {
        const Image out = resize(filled(w, h, value), 48, 96, filter);
        EXPECT_EQ(out.width, 48);
        EXPECT_EQ(out.height, 96);
        ASSERT_EQ(out.rgb.size(), size_t{48} * 96 * 3);
        EXPECT_TRUE(std::all_of(out.rgb.begin(), out.rgb.end(), [&](auto v) { return v == value; }))
            << w << " x " << h << " of " << int{value};
      }
    }
  }
}

TEST(Resize, SameSizeIsTheSameImage) {
  const Image image = noise(31, 17);
  for (const Resample filter : kFilters) EXPECT_EQ(resize(image, 31, 17, filter).rgb, image.rgb);
}

TEST(Resize, OnePixelFillsAndIsFilled) {
  const Image pixel{1, 1, {10, 200, 30}};
  for (const Resample filter : kFilters) {
    const Image out = resize(pixel, 5, 4, filter);
    for (size_t i = 0; i < out.rgb.size(); ++i) EXPECT_EQ(out.rgb[i], pixel.rgb[i % 3]);
    EXPECT_EQ(resize(out, 1, 1, filter).rgb, pixel.rgb);
  }
}

// Mirroring commutes with the symmetric filters: would catch centers that are off.
TEST(Resize, MirroredInMirroredOut) {
  const auto mirrored = [](Image image) {
    for (int64_t i = 0; i < image.width * image.height / 2; ++i) {
      const int64_t j = image.width * image.height - 1 - i;
      std::swap_ranges(image.rgb.begin() + 3 * i, image.rgb.begin() + 3 * i + 3,
                       image.rgb.begin() + 3 * j);
    }
    return image;
  };
  const Image image = noise(64, 36);
  for (const Resample filter : {Resample::kLanczos, Resample::kBilinear, Resample::kBicubic}) {
    for (const auto& [w, h] : {std::pair{24, 17}, {96, 144}, {64, 48}, {48, 36}}) {
      EXPECT_EQ(resize(mirrored(image), w, h, filter).rgb,
                mirrored(resize(image, w, h, filter)).rgb);
    }
  }
}

}  // namespace
}  // namespace lapidary::media
