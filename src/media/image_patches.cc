#include "media/image_patches.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "media/resize.h"

namespace lapidary::media {
namespace {

using checkpoint::ImageProcessorConfig;

// More than any published model asks for by far (1120 soft tokens of 48 x 48 pixels: 2.6 million).
constexpr int64_t kMaxBudget = int64_t{1} << 27;

std::string size_text(const ImageSize& size) {
  return fmt::format("{} x {}", size.width, size.height);
}

int64_t block_side(const ImageProcessorConfig& c) { return c.patch_size * c.pooling_kernel_size; }

// What the picture may cover, in pixels.
Result<int64_t> pixel_budget(const ImageProcessorConfig& c, const std::string& where) {
  const int64_t side = block_side(c);
  if (side <= 0 || c.max_soft_tokens <= 0 || side > kMaxBudget / side / c.max_soft_tokens) {
    return bad_input(
        where,
        fmt::format("the processor config asks for {} soft tokens of {} pixels squared",
                    c.max_soft_tokens, side),
        "correct patch_size, pooling_kernel_size and max_soft_tokens");
  }
  return c.max_soft_tokens * side * side;
}

// Floors as the reference does, in double precision.
int64_t floor_to(double value) { return static_cast<int64_t>(std::floor(value)); }

Result<Image> resized(const Image& image, const ImageProcessorConfig& c, const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const ImageSize size, resized_size({image.width, image.height}, c, where));
  if (c.resample < 0 || c.resample > static_cast<int64_t>(Resample::kBicubic)) {
    return bad_input(where,
                     fmt::format("the processor config asks for resample {}, which the reference "
                                 "does not resize with either",
                                 c.resample),
                     "use 0 (nearest), 1 (Lanczos), 2 (bilinear) or 3 (bicubic)");
  }
  return resize(image, size.width, size.height, static_cast<Resample>(c.resample));
}

// Without do_resize the picture must be whole blocks within the budget already.
Status check_blocks(const Image& image, const ImageProcessorConfig& c, const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const int64_t budget, pixel_budget(c, where));
  const int64_t side = block_side(c);
  if (image.width % side == 0 && image.height % side == 0 && image.width * image.height <= budget) {
    return {};
  }
  return bad_input(
      where,
      "the processor config has do_resize off, and the image is " +
          size_text({image.width, image.height}),
      fmt::format("make its sides multiples of {} and its area at most {} pixels, or set do_resize",
                  side, budget));
}

using Levels = std::array<std::array<float, 256>, 3>;

// What each of the 256 values of each channel becomes. In single precision and in the order of the
// reference, which folds rescaling into mean and deviation when both are asked for.
Levels levels_of(const ImageProcessorConfig& c) {
  const auto factor = static_cast<float>(c.rescale_factor);
  const float fold = c.do_rescale ? static_cast<float>(1.0 / c.rescale_factor) : 1.0F;
  Levels levels = {};
  for (size_t channel = 0; channel < 3; ++channel) {
    const float mean = static_cast<float>(c.image_mean.at(channel)) * fold;
    const float deviation = static_cast<float>(c.image_std.at(channel)) * fold;
    for (size_t v = 0; v < 256; ++v) {
      const auto value = static_cast<float>(v);
      levels.at(channel).at(v) = c.do_normalize ? (value - mean) / deviation
                                 : c.do_rescale ? value * factor
                                                : value;
    }
  }
  return levels;
}

ImagePatches cut(const Image& image, const ImageProcessorConfig& c) {
  const Levels levels = levels_of(c);
  const int64_t side = c.patch_size;
  const int64_t columns = image.width / side;
  const int64_t rows = image.height / side;
  ImagePatches out;
  out.patches = columns * rows;
  out.soft_tokens = out.patches / (c.pooling_kernel_size * c.pooling_kernel_size);
  out.pixel_values.resize(static_cast<size_t>(out.patches * side * side * 3));
  out.position_ids.reserve(static_cast<size_t>(out.patches) * 2);
  float* to = out.pixel_values.data();
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      out.position_ids.push_back(column);
      out.position_ids.push_back(row);
      for (int64_t y = row * side; y < (row + 1) * side; ++y) {
        const uint8_t* from = image.rgb.data() + (y * image.width + column * side) * 3;
        for (int64_t x = 0; x < side; ++x, from += 3, to += 3) {
          to[0] = levels[0][from[0]];
          to[1] = levels[1][from[1]];
          to[2] = levels[2][from[2]];
        }
      }
    }
  }
  return out;
}

}  // namespace

Result<ImageSize> resized_size(const ImageSize& size, const ImageProcessorConfig& config,
                               const std::string& where) {
  if (size.width <= 0 || size.height <= 0) {
    return bad_input(where, fmt::format("the image has no pixels ({})", size_text(size)));
  }
  LAP_ASSIGN_OR_RETURN(const int64_t budget, pixel_budget(config, where));
  const int64_t side = block_side(config);
  const auto width = static_cast<double>(size.width);
  const auto height = static_cast<double>(size.height);
  const double factor = std::sqrt(static_cast<double>(budget) / (width * height));
  ImageSize out{.width = floor_to(factor * width / static_cast<double>(side)) * side,
                .height = floor_to(factor * height / static_cast<double>(side)) * side};
  // Thin pictures: one block high (or wide), and as long as whole squares of its height make it.
  const int64_t longest = config.max_soft_tokens * side;
  if (out.height == 0 && out.width > 0) {
    out = {.width = std::min(floor_to(width / height) * side, longest), .height = side};
  } else if (out.width == 0 && out.height > 0) {
    out = {.width = side, .height = std::min(floor_to(height / width) * side, longest)};
  }
  if (out.width <= 0 || out.height <= 0 || out.width * out.height > budget) {
    return bad_input(where,
                     fmt::format("an image of {} leaves no whole block of {} pixels squared",
                                 size_text(size), side),
                     "crop it to a less extreme aspect ratio");
  }
  return out;
}

Result<ImagePatches> image_patches(const Image& image, const ImageProcessorConfig& config,
                                   const std::string& where) {
  if (!config.do_resize) {
    LAP_RETURN_IF_ERROR(check_blocks(image, config, where));
    return cut(image, config);
  }
  LAP_ASSIGN_OR_RETURN(const Image whole, resized(image, config, where));
  return cut(whole, config);
}

}  // namespace lapidary::media
