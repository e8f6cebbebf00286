#include "media/exif_orientation.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lapidary::media {
namespace {

// Unsigned numbers of a TIFF block in its own byte order.
class TiffReader {
 public:
  TiffReader(std::span<const std::byte> bytes, bool big_endian)
      : bytes_(bytes), big_endian_(big_endian) {}

  std::optional<uint32_t> number(size_t offset, size_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t at = big_endian_ ? offset + i : offset + size - 1 - i;
      value = (value << 8) | std::to_integer<uint32_t>(bytes_[at]);
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool big_endian_;
};

constexpr uint32_t kOrientationTag = 0x0112;
constexpr size_t kEntryBytes = 12;

// Bytes of one value of the integer types BYTE, SHORT, LONG and their signed forms.
size_t integer_size(uint32_t type) {
  switch (type) {
    case 1:
    case 6:
      return 1;
    case 3:
    case 8:
      return 2;
    case 4:
    case 9:
      return 4;
    default:
      return 0;
  }
}

bool starts_with(std::span<const std::byte> bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), bytes.begin(),
                    [](char a, std::byte b) { return static_cast<std::byte>(a) == b; });
}

}  // namespace

std::optional<int64_t> orientation_of_exif(std::span<const std::byte> exif) {
  constexpr std::string_view kPrefix("Exif\0\0", 6);
  while (starts_with(exif, kPrefix)) exif = exif.subspan(kPrefix.size());
  const bool big_endian = starts_with(exif, std::string_view("MM\0*", 4));
  if (!big_endian && !starts_with(exif, std::string_view("II*\0", 4))) return std::nullopt;
  const TiffReader tiff(exif, big_endian);
  const auto directory = tiff.number(4, 4);
  if (!directory) return std::nullopt;
  const auto entries = tiff.number(*directory, 2);
  if (!entries) return std::nullopt;
  std::optional<int64_t> found;
  for (size_t i = 0; i < *entries; ++i) {
    const size_t entry = *directory + 2 + i * kEntryBytes;
    const auto tag = tiff.number(entry, 2);
    const auto type = tiff.number(entry + 2, 2);
    const auto count = tiff.number(entry + 4, 4);
    if (!tag || !type || !count) break;
    if (*tag != kOrientationTag || *count != 1 || integer_size(*type) == 0) continue;
    if (const auto value = tiff.number(entry + 8, integer_size(*type))) found = *value;
  }
  return found;
}

std::optional<int64_t> orientation_of_xmp(std::string_view xmp) {
  constexpr std::string_view kKey = "tiff:Orientation";
  for (size_t at = xmp.find(kKey); at != std::string_view::npos; at = xmp.find(kKey, at + 1)) {
    std::string_view rest = xmp.substr(at + kKey.size());
    for (const std::string_view opening : {"=\"", ">"}) {
      if (!rest.starts_with(opening)) continue;
      rest.remove_prefix(opening.size());
      if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') return rest[0] - '0';
      break;
    }
  }
  return std::nullopt;
}

int64_t orientation_of(std::span<const std::byte> exif, std::string_view xmp) {
  auto orientation = orientation_of_exif(exif);
  if (!orientation) orientation = orientation_of_xmp(xmp);
  return orientation && *orientation >= 1 && *orientation <= 8 ? *orientation : 1;
}

Image upright(Image image, int64_t orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  // Where pixel (x, y) of the result comes from: start + x * step_x + y * step_y, in pixels.
  const int64_t w = image.width;
  const int64_t h = image.height;
  const int64_t last = w * h - 1;
  struct Walk {
    int64_t start, step_x, step_y;
  };
  const std::array<Walk, 9> walks = {{{0, 1, w},
                                      {0, 1, w},
                                      {w - 1, -1, w},
                                      {last, -1, -w},
                                      {last - (w - 1), 1, -w},
                                      {0, w, 1},
                                      {last - (w - 1), -w, 1},
                                      {last, -w, -1},
                                      {w - 1, w, -1}}};
  const Walk& walk = walks.at(static_cast<size_t>(orientation));
  Image out{.width = orientation >= 5 ? h : w, .height = orientation >= 5 ? w : h, .rgb = {}};
  out.rgb.resize(image.rgb.size());
  uint8_t* to = out.rgb.data();
  for (int64_t y = 0; y < out.height; ++y) {
    int64_t from = walk.start + y * walk.step_y;
    for (int64_t x = 0; x < out.width; ++x, from += walk.step_x, to += 3) {
      std::copy_n(image.rgb.data() + from * 3, 3, to);
    }
  }
  return out;
}

}  // namespace lapidary::media
