#include "media/image_codec.h"

#include <fmt/core.h>

#include <new>

namespace lapidary::media {
namespace {

std::string size_text(int64_t width, int64_t height) {
  return fmt::format("{} x {}", width, height);
}

}  // namespace

Result<Image> new_image(int64_t width, int64_t height, const std::string& where,
                        const ImageLimits& limits) {
  constexpr int64_t kMaxSide = 1'000'000;
  if (width <= 0 || height <= 0) {
    return bad_input(where, fmt::format("the image has no pixels ({})", size_text(width, height)),
                     "export the image again");
  }
  if (width > kMaxSide || height > kMaxSide || width * height > limits.max_pixels) {
    return bad_input(where,
                     fmt::format("the image claims {} pixels, at most {} are read",
                                 size_text(width, height), limits.max_pixels),
                     "scale it down first; the model sees far fewer");
  }
  Image image{.width = width, .height = height, .rgb = {}};
  try {
    image.rgb.resize(static_cast<size_t>(width * height * 3));
  } catch (const std::bad_alloc&) {
    return bad_input(where,
                     fmt::format("no memory for an image of {} pixels", size_text(width, height)),
                     "scale it down first");
  }
  return image;
}

Error truncated_image(const std::string& where) {
  return bad_input(where, "the image file is truncated", "copy or download it again");
}

Error damaged_image(const std::string& where, const std::string& detail) {
  return bad_input(where, "the image file is damaged: " + detail, "copy or download it again");
}

uint32_t little_endian(Bytes data, size_t offset, size_t size) {
  uint32_t value = 0;
  for (size_t i = size; i-- > 0;) {
    value = (value << 8) | std::to_integer<uint32_t>(data[offset + i]);
  }
  return value;
}

}  // namespace lapidary::media
