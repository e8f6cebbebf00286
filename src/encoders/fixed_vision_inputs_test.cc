#include "encoders/fixed_vision_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>

namespace lapidary::encoders {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

package::VisionModel model(int64_t soft_tokens, int64_t kernel) {
  package::VisionModel out;
  out.pooling_kernel_size = kernel;
  out.fixed_encoder = package::FixedEncoder{soft_tokens, -100};
  return out;
}

// As the front end gives it: patches row by row. A patch holds 100 y + x twice.
media::ImagePatches picture(int64_t width, int64_t height, int64_t kernel) {
  media::ImagePatches out;
  out.patches = width * height;
  out.soft_tokens = out.patches / (kernel * kernel);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      out.position_ids.insert(out.position_ids.end(), {x, y});
      out.pixel_values.insert(out.pixel_values.end(), 2, static_cast<float>(100 * y + x));
    }
  }
  return out;
}

template <typename T>
std::vector<T> values(const ort::HostTensor& tensor) {
  std::vector<T> out(tensor.data.size() / sizeof(T));
  std::memcpy(out.data(), tensor.data.data(), tensor.data.size());
  return out;
}

// What the first value of each patch was, in the order in which the encoder gets them.
std::vector<float> order(const ort::HostTensor& pixels) {
  std::vector<float> out;
  const std::vector<float> all = values<float>(pixels);
  for (size_t i = 0; i < all.size(); i += 2) out.push_back((all[i] + 1) / 2);
  return out;
}

TEST(FixedVisionInputs, HaveTheShapesThatTheEncoderDeclares) {
  const auto inputs = fixed_vision_inputs(picture(6, 3, 3), model(5, 3)).value();
  ASSERT_EQ(inputs.size(), 3U);
  EXPECT_EQ(inputs[0].name, "pixel_values");
  EXPECT_EQ(inputs[0].shape, (std::vector<int64_t>{1, 45, 2}));
  EXPECT_EQ(inputs[1].name, "pixel_position_ids");
  EXPECT_EQ(inputs[1].type, DType::kInt32);
  EXPECT_EQ(inputs[1].shape, (std::vector<int64_t>{1, 45, 2}));
  EXPECT_EQ(inputs[2].name, "attention_mask");
  EXPECT_EQ(inputs[2].shape, (std::vector<int64_t>{1, 1, 1, 45}));
}

// Catches cells column by column, cells whose width is the picture's height, and x taken for y: on
// a square picture all of these would pass.
TEST(FixedVisionInputs, PutsTheSoftTokensRowByRow) {
  const auto wide = fixed_vision_inputs(picture(6, 4, 2), model(6, 2)).value();
  EXPECT_THAT(order(wide[0]),
              ElementsAre(0, 1, 100, 101, 2, 3, 102, 103, 4, 5, 104, 105,  //
                          200, 201, 300, 301, 202, 203, 302, 303, 204, 205, 304, 305));
  const auto high = fixed_vision_inputs(picture(2, 6, 2), model(3, 2)).value();
  EXPECT_THAT(order(high[0]), ElementsAre(0, 1, 100, 101, 200, 201, 300, 301, 400, 401, 500, 501));
}

// Catches pixels that the tower would see in [0, 1], and padding centred along with them.
TEST(FixedVisionInputs, CentresThePixels) {
  media::ImagePatches patches = picture(2, 2, 2);
  patches.pixel_values = {0, 1, 0.25, 0.5, 0, 0, 0, 0};
  const auto inputs = fixed_vision_inputs(patches, model(2, 2)).value();
  EXPECT_THAT(values<float>(inputs[0]),
              ElementsAre(-1, 1, -0.5, 0, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0));
}

// Catches positions left in the front end's order while pixels move.
TEST(FixedVisionInputs, PositionsGoWithTheirPatches) {
  const auto inputs = fixed_vision_inputs(picture(6, 4, 2), model(6, 2)).value();
  const std::vector<float> pixels = order(inputs[0]);
  const std::vector<int32_t> positions = values<int32_t>(inputs[1]);
  for (size_t i = 0; i < pixels.size(); ++i) {
    EXPECT_EQ(pixels[i], static_cast<float>(100 * positions[2 * i + 1] + positions[2 * i])) << i;
  }
}

// Catches an order that is taken from the input's and not from the positions.
TEST(FixedVisionInputs, DoNotDependOnTheOrderOfThePatches) {
  const media::ImagePatches straight = picture(6, 4, 2);
  media::ImagePatches mixed = straight;
  for (size_t i = 0; i < 24; ++i) {
    const size_t from = (7 * i + 5) % 24;
    for (size_t j = 0; j < 2; ++j) {
      mixed.pixel_values[2 * i + j] = straight.pixel_values[2 * from + j];
      mixed.position_ids[2 * i + j] = straight.position_ids[2 * from + j];
    }
  }
  const auto expected = fixed_vision_inputs(straight, model(7, 2)).value();
  const auto got = fixed_vision_inputs(mixed, model(7, 2)).value();
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(got[i].data, expected[i].data) << i;
}

// Catches padding in front, padding that keys see, and positions of -1, which are no rows of a
// table.
TEST(FixedVisionInputs, PadsBehindThePicture) {
  const auto inputs = fixed_vision_inputs(picture(4, 2, 2), model(3, 2)).value();
  const auto tail = [](auto all, size_t from) {
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(from));
    return all;
  };
  EXPECT_THAT(values<float>(inputs[2]),
              ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, -100, -100, -100, -100));
  EXPECT_THAT(tail(values<float>(inputs[0]), 16), Each(0));
  EXPECT_THAT(tail(values<int32_t>(inputs[1]), 16), Each(0));
}

TEST(FixedVisionInputs, NameBothLengthsWhenThePictureIsTooLarge) {
  const auto inputs = fixed_vision_inputs(picture(6, 4, 2), model(5, 2));
  ASSERT_FALSE(inputs.ok());
  EXPECT_EQ(inputs.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(inputs.error().message(), HasSubstr("has 6 soft tokens"));
  EXPECT_THAT(inputs.error().message(), HasSubstr("at most 5"));
}

// Catches writing beyond the tensors for positions that no front end of ours makes.
TEST(FixedVisionInputs, RefusePatchesThatFillNoGrid) {
  std::vector<media::ImagePatches> broken(6, picture(4, 4, 2));
  broken[0].position_ids[0] = 3;   // twice
  broken[1].position_ids[0] = -1;  // padding
  broken[2].position_ids[0] = int64_t{1} << 40;
  broken[3].position_ids.pop_back();
  broken[4] = picture(5, 4, 2);  // a cell and a half wide
  broken[5] = media::ImagePatches();
  for (const media::ImagePatches& each : broken) {
    EXPECT_FALSE(fixed_vision_inputs(each, model(20, 2)).ok());
  }
}

}  // namespace
}  // namespace lapidary::encoders
