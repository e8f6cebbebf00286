// What the decoders of single formats share. Each takes a whole file in memory and gives back the
// upright-or-not pixels with the EXIF orientation that goes with them (image_decoder.h applies it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "media/image.h"
#include "media/image_decoder.h"

namespace lapidary::media {

struct DecodedImage {
  Image image;
  int64_t orientation = 1;  // EXIF's 1 to 8
};

// Black pixels of a size that a header claims. Errors: zero size, a side of more than a million
// pixels (libpng's own limit; one row of it must fit in memory several times), more pixels than
// `limits` allow, no memory.
Result<Image> new_image(int64_t width, int64_t height, const std::string& where,
                        const ImageLimits& limits);

Error truncated_image(const std::string& where);
// `detail` says what the decoder found.
Error damaged_image(const std::string& where, const std::string& detail);

using Bytes = std::span<const std::byte>;

// `size` (at most 4) bytes of `data`, which the caller knows to be there.
uint32_t little_endian(Bytes data, size_t offset, size_t size);

Result<DecodedImage> decode_png(Bytes file, const std::string& where, const ImageLimits& limits);
Result<DecodedImage> decode_jpeg(Bytes file, const std::string& where, const ImageLimits& limits);
Result<DecodedImage> decode_webp(Bytes file, const std::string& where, const ImageLimits& limits);
Result<DecodedImage> decode_bmp(Bytes file, const std::string& where, const ImageLimits& limits);

}  // namespace lapidary::media
