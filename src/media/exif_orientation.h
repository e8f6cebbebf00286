// How a picture must be turned to stand upright, from its metadata, as PIL's getexif finds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "media/image.h"

namespace lapidary::media {

// Tag 0x0112 of the first directory of an EXIF block (a TIFF header and what follows; "Exif\0\0"
// before it is skipped). Nothing for a block without the tag, or one that cannot be read.
std::optional<int64_t> orientation_of_exif(std::span<const std::byte> exif);

// `tiff:Orientation` of an XMP packet, which counts where EXIF says nothing.
std::optional<int64_t> orientation_of_xmp(std::string_view xmp);

// 1 where neither says anything, or something outside 1 to 8.
int64_t orientation_of(std::span<const std::byte> exif, std::string_view xmp);

// Turns and mirrors by orientation 1 to 8: 2 left-right, 3 by 180 degrees, 4 top-bottom, 5 along
// the main diagonal, 6 by 90 clockwise, 7 along the other diagonal, 8 by 90 counter-clockwise.
Image upright(Image image, int64_t orientation);

}  // namespace lapidary::media
