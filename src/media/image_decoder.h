// Image files to pixels: PNG, JPEG, WebP, BMP. The content tells the format, not the name.
//
//   LAP_ASSIGN_OR_RETURN(Image image, load_image("photo.jpg"));
//
// As in the reference (load_image of transformers 5.23: PIL's exif_transpose, then convert("RGB");
// and its image processor): the EXIF orientation is applied, alpha is dropped without blending (but
// where a PNG names one transparent colour, it is white), grey and palette become RGB, 16 bits
// become 8. Of an animation the first frame counts.
//
// Errors, kBadInput (kIo when the file cannot be read) naming `where`: an unknown format (named
// when it is a known one that we do not read, such as GIF or HEIC), a truncated or damaged file,
// zero size, or more pixels than `max_pixels`, which is known before any pixel is decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"
#include "media/image.h"

namespace lapidary::media {

struct ImageLimits {
  int64_t max_pixels = int64_t{1} << 27;      // 134 megapixels: 403 MB of RGB
  int64_t max_file_bytes = int64_t{1} << 28;  // 256 MiB
};

Result<Image> decode_image(std::span<const std::byte> file, const std::string& where,
                           const ImageLimits& limits = {});
Result<Image> load_image(const std::filesystem::path& path, const ImageLimits& limits = {});

}  // namespace lapidary::media
