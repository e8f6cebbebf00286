// Resizing of 8-bit RGB with antialiasing: the separable filters of PIL and torchvision, whose
// support grows with the reduction. Horizontally first, rounded to 8 bits, then vertically.
#pragma once

#include <cstdint>

#include "media/image.h"

namespace lapidary::media {

// PIL's numbers, as `resample` of a processor config.
enum class Resample : int64_t {
  kNearest = 0,
  kLanczos = 1,
  kBilinear = 2,
  kBicubic = 3,
  kBox = 4,
  kHamming = 5
};

Image resize(const Image& image, int64_t width, int64_t height, Resample filter);

}  // namespace lapidary::media
