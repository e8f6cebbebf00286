// The image front end: a picture to the vision encoder's inputs.
//
//   LAP_ASSIGN_OR_RETURN(ImagePatches patches, image_patches(image, processor.image, "photo.jpg"));
//
// The picture is resized (bicubic with antialiasing, rounded to 8 bits) to the largest size of its
// aspect ratio whose sides are multiples of patch_size * pooling_kernel_size and whose patches stay
// within max_soft_tokens * pooling_kernel_size^2; then rescaled, normalized if the config says so,
// and cut into patches, row by row.
//
// Source: Gemma4ImageProcessor of transformers 5.23 (image_processing_gemma4.py). Unlike there, no
// padding patches follow: an encoder that masks them gives the same soft tokens without them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/processor_config.h"
#include "media/image.h"

namespace lapidary::media {

struct ImageSize {
  int64_t width = 0;
  int64_t height = 0;
  bool operator==(const ImageSize&) const = default;
};

struct ImagePatches {
  int64_t patches = 0;
  int64_t soft_tokens = 0;            // patches / pooling_kernel_size^2
  std::vector<float> pixel_values;    // [patches, 3 * patch_size^2], channel last; in [0, 1] unless
                                      // the config normalizes, or does not rescale
  std::vector<int64_t> position_ids;  // [patches, 2]: x, y in patches
};

// What the picture is resized to. Error: kBadInput naming `where` for an aspect ratio that leaves
// no whole block (the reference refuses these too).
Result<ImageSize> resized_size(const ImageSize& size,
                               const checkpoint::ImageProcessorConfig& config,
                               const std::string& where);

// do_convert_rgb changes nothing: a decoded picture is RGB. Errors: those of resized_size; a filter
// (`resample`) that the reference refuses too; without do_resize, a picture that is not whole
// blocks within the budget, which the encoder cannot pool.
Result<ImagePatches> image_patches(const Image& image,
                                   const checkpoint::ImageProcessorConfig& config,
                                   const std::string& where);

}  // namespace lapidary::media
