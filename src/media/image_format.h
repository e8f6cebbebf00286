// Which format a file is, told by its first bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace lapidary::media {

enum class ImageFormat {
  kUnknown,  // no image that we have heard of
  kKnown,    // an image (or document) of a format that is not read
  kPng,
  kJpeg,
  kWebp,
  kBmp
};

struct SniffedFormat {
  ImageFormat format = ImageFormat::kUnknown;
  std::string_view name = {};  // "GIF"; empty for kUnknown
};

// At most this many of the first bytes are looked at.
inline constexpr size_t kSniffedBytes = 16;

SniffedFormat sniff_format(std::span<const std::byte> file);

}  // namespace lapidary::media
