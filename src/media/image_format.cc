#include "media/image_format.h"

#include <algorithm>
#include <array>
#include <string>

namespace lapidary::media {
namespace {

struct Signature {
  size_t offset;
  std::string_view bytes;
  SniffedFormat format;
};

constexpr SniffedFormat known(std::string_view name) { return {ImageFormat::kKnown, name}; }

using namespace std::string_view_literals;

constexpr std::array kSignatures = {
    Signature{0, "\x89PNG\r\n\x1a\n"sv, {ImageFormat::kPng, "PNG"}},
    Signature{0, "\xFF\xD8\xFF"sv, {ImageFormat::kJpeg, "JPEG"}},
    Signature{8, "WEBP"sv, {ImageFormat::kWebp, "WebP"}},
    Signature{0, "BM"sv, {ImageFormat::kBmp, "BMP"}},
    Signature{0, "GIF8"sv, known("GIF")},
    Signature{0, "II*\0"sv, known("TIFF")},
    Signature{0, "MM\0*"sv, known("TIFF")},
    Signature{0, "II+\0"sv, known("TIFF")},
    Signature{0, "MM\0+"sv, known("TIFF")},
    Signature{4, "ftyphei"sv, known("HEIC")},
    Signature{4, "ftyphev"sv, known("HEIC")},
    Signature{4, "ftypmif1"sv, known("HEIF")},
    Signature{4, "ftypmsf1"sv, known("HEIF")},
    Signature{4, "ftypavi"sv, known("AVIF")},
    Signature{4, "ftyp"sv, known("MP4 video")},
    Signature{4, "JXL \r\n\x87\n"sv, known("JPEG XL")},
    Signature{0, "\xFF\x0A"sv, known("JPEG XL")},
    Signature{4, "jP  \r\n\x87\n"sv, known("JPEG 2000")},
    Signature{0, "\xFF\x4F\xFF\x51"sv, known("JPEG 2000")},
    Signature{0, "8BPS"sv, known("Photoshop")},
    Signature{0, "\0\0\1\0"sv, known("ICO")},
    Signature{0, "qoif"sv, known("QOI")},
    Signature{0, "%PDF"sv, known("PDF")},
    Signature{0, "<svg"sv, known("SVG")},
    Signature{0, "<?xml"sv, known("SVG or other XML")},
    Signature{0, "DDS "sv, known("DDS")},
    Signature{0, "v/1\1"sv, known("OpenEXR")},
    Signature{0, "P1\n"sv, known("PBM")},
    Signature{0, "P2\n"sv, known("PGM")},
    Signature{0, "P3\n"sv, known("PPM")},
    Signature{0, "P4\n"sv, known("PBM")},
    Signature{0, "P5\n"sv, known("PGM")},
    Signature{0, "P6\n"sv, known("PPM")},
};

}  // namespace

SniffedFormat sniff_format(std::span<const std::byte> file) {
  const std::string_view head(reinterpret_cast<const char*>(file.data()),
                              std::min(file.size(), kSniffedBytes));
  for (const Signature& s : kSignatures) {
    if (head.size() < s.offset || !head.substr(s.offset).starts_with(s.bytes)) continue;
    if (s.format.format == ImageFormat::kWebp && !head.starts_with("RIFF")) continue;
    return s.format;
  }
  return {};
}

}  // namespace lapidary::media
