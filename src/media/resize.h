// Resizing of 8-bit RGB with antialiasing, the very arithmetic of torchvision on 8-bit tensors:
// horizontally first, rounded to 8 bits, then vertically; weights of 16 bits, whose scale is the
// largest power of two that the greatest of them bears. Equal to torchvision 0.29 in every value of
// image_goldens_test.cc; PIL, with weights of 22 bits, differs from both in 0.3 to 0.7 % of the
// values of bicubic random noise, by one or two steps of 255.
//
//   const Image small = resize(photo, 912, 672, Resample::kBicubic);
#pragma once

#include <cstdint>

#include "media/image.h"

namespace lapidary::media {

// PIL's numbers, as `resample` of a processor config. Its 4 (box) and 5 (Hamming) are missing:
// torchvision does not resize with them.
enum class Resample : int64_t {
  kNearest = 0,  // without antialiasing
  kLanczos = 1,
  kBilinear = 2,
  kBicubic = 3,
};

// `width` and `height` are positive.
Image resize(const Image& image, int64_t width, int64_t height, Resample filter);

}  // namespace lapidary::media
