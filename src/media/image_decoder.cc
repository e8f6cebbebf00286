#include "media/image_decoder.h"

#include <fmt/core.h>

#include <new>

#include "base/mapped_file.h"
#include "media/exif_orientation.h"
#include "media/image_codec.h"
#include "media/image_format.h"

namespace lapidary::media {
namespace {

constexpr const char* kRemedy = "convert it to PNG, JPEG, WebP or BMP";

Result<DecodedImage> decode(Bytes file, const std::string& where, const ImageLimits& limits) {
  const SniffedFormat sniffed = sniff_format(file);
  switch (sniffed.format) {
    case ImageFormat::kPng:
      return decode_png(file, where, limits);
    case ImageFormat::kJpeg:
      return decode_jpeg(file, where, limits);
    case ImageFormat::kWebp:
      return decode_webp(file, where, limits);
    case ImageFormat::kBmp:
      return decode_bmp(file, where, limits);
    case ImageFormat::kKnown:
      return bad_input(where, std::string(sniffed.name) + " files are not read as images", kRemedy);
    case ImageFormat::kUnknown:
      break;
  }
  return bad_input(where, "not an image of a known format", kRemedy);
}

}  // namespace

Result<Image> decode_image(Bytes file, const std::string& where, const ImageLimits& limits) {
  if (file.empty()) return bad_input(where, "the image file is empty", "copy or download it again");
  if (file.size() > static_cast<size_t>(limits.max_file_bytes)) {
    return bad_input(where,
                     fmt::format("the image file has {} bytes, at most {} are read", file.size(),
                                 limits.max_file_bytes),
                     "scale it down first; the model sees far fewer");
  }
  try {
    LAP_ASSIGN_OR_RETURN(DecodedImage decoded, decode(file, where, limits));
    return upright(std::move(decoded.image), decoded.orientation);
  } catch (const std::bad_alloc&) {
    return bad_input(where, "no memory to decode the image", "scale it down first");
  }
}

Result<Image> load_image(const std::filesystem::path& path, const ImageLimits& limits) {
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
  auto image = decode_image(file->bytes(), path.string(), limits);
  LAP_RETURN_IF_ERROR(file->intact());
  return image;
}

}  // namespace lapidary::media
