// BMP with the layouts that PIL reads: 1, 4 and 8 bits with a palette (plain or run-length coded),
// 16, 24 and 32 bits, headers of OS/2 and of Windows 3 to 5, rows from the bottom or from the top.
// Alpha is dropped; indices past the palette's end are black.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "media/image_codec.h"

namespace lapidary::media {
namespace {

constexpr size_t kFileHeader = 14;
constexpr size_t kOs2Header = 12;

enum Compression : uint32_t { kPlain = 0, kRle8 = 1, kRle4 = 2, kBitfields = 3 };

using Pixel = std::array<uint8_t, 3>;

struct BmpHeader {
  size_t size = 0;    // of the header after the file's own
  size_t pixels = 0;  // offset in the file
  int64_t width = 0;
  int64_t height = 0;
  bool top_down = false;
  uint32_t bits = 0;
  uint32_t compression = kPlain;
  uint32_t colors = 0;
  std::array<uint32_t, 3> masks = {};  // red, green, blue
};

Error unread(const std::string& where, const std::string& what) {
  return bad_input(where, fmt::format("a BMP with {} is not read", what), "save it as PNG");
}

Status check_layout(const BmpHeader& h, const std::string& where) {
  const bool indexed = h.bits == 1 || h.bits == 4 || h.bits == 8;
  if (!indexed && h.bits != 16 && h.bits != 24 && h.bits != 32) {
    return unread(where, fmt::format("{} bits a pixel", h.bits));
  }
  const bool fits = h.compression == kPlain || (h.compression == kBitfields && !indexed) ||
                    (h.compression == kRle8 && h.bits == 8) ||
                    (h.compression == kRle4 && h.bits == 4);
  if (fits) return {};
  return unread(where, fmt::format("compression {} at {} bits a pixel", h.compression, h.bits));
}

Result<BmpHeader> read_header(Bytes file, const std::string& where) {
  if (file.size() < kFileHeader + 4) return truncated_image(where);
  BmpHeader h{.size = little_endian(file, kFileHeader, 4), .pixels = little_endian(file, 10, 4)};
  constexpr std::array<size_t, 7> kSizes = {kOs2Header, 40, 52, 56, 64, 108, 124};
  if (std::find(kSizes.begin(), kSizes.end(), h.size) == kSizes.end()) {
    return unread(where, fmt::format("a header of {} bytes", h.size));
  }
  if (file.size() < kFileHeader + h.size) return truncated_image(where);
  const Bytes info = file.subspan(kFileHeader);
  if (h.size == kOs2Header) {
    h.width = little_endian(info, 4, 2);
    h.height = little_endian(info, 6, 2);
    h.bits = little_endian(info, 10, 2);
  } else {
    h.width = static_cast<int32_t>(little_endian(info, 4, 4));
    const int64_t height = static_cast<int32_t>(little_endian(info, 8, 4));
    h.top_down = height < 0;
    h.height = h.top_down ? -height : height;
    h.bits = little_endian(info, 14, 2);
    h.compression = little_endian(info, 16, 4);
    h.colors = little_endian(info, 32, 4);
  }
  LAP_RETURN_IF_ERROR(check_layout(h, where));
  if (h.compression == kBitfields) {
    // Part of the longer headers; after the short one.
    constexpr size_t kMasks = 40;
    if (info.size() < kMasks + 12) return truncated_image(where);
    for (size_t c = 0; c < 3; ++c) h.masks.at(c) = little_endian(info, kMasks + 4 * c, 4);
  }
  if (h.colors == 0 && h.bits <= 8) h.colors = 1U << h.bits;
  return h;
}

using Palette = std::array<Pixel, 256>;

// Also mends an offset of the pixels that forgets the palette, as PIL does.
Result<Palette> read_palette(Bytes file, BmpHeader& h, const std::string& where) {
  constexpr uint32_t kMostColors = 65536;
  if (h.colors > kMostColors) return unread(where, fmt::format("{} colours", h.colors));
  const size_t entry = h.size == kOs2Header ? 3 : 4;
  const size_t start = kFileHeader + h.size;
  if (file.size() < start + entry * h.colors) return truncated_image(where);
  if (h.pixels == start) h.pixels += entry * h.colors;
  Palette palette = {};
  for (size_t i = 0; i < std::min<size_t>(palette.size(), h.colors); ++i) {
    for (size_t c = 0; c < 3; ++c) {
      palette.at(i).at(c) = std::to_integer<uint8_t>(file[start + entry * i + 2 - c]);
    }
  }
  return palette;
}

uint8_t* row_of(Image& image, const BmpHeader& h, int64_t y) {
  return image.rgb.data() + (h.top_down ? y : h.height - 1 - y) * h.width * 3;
}

// Run-length codes describe one long stream of indices, row after row.
class RunLengthDecoder {
 public:
  RunLengthDecoder(Bytes file, const BmpHeader& h, const Palette& palette, Image& image)
      : file_(file), at_(h.pixels), h_(h), palette_(palette), image_(image) {}

  // False if the data ends before the picture is full.
  bool decode() {
    while (pixel_ < total_ && has(2)) {
      const int64_t count = byte();
      const uint8_t value = byte();
      if (count > 0) {
        run(std::min(count, std::max<int64_t>(0, h_.width - x_)), value);
      } else if (value == 0) {
        while (pixel_ % h_.width != 0) put(0);
        x_ = 0;
      } else if (value == 1 || !(value == 2 ? skip() : literal(value))) {
        break;
      }
    }
    return pixel_ >= total_;
  }

 private:
  bool has(size_t bytes) const { return at_ <= file_.size() && file_.size() - at_ >= bytes; }
  uint8_t byte() { return std::to_integer<uint8_t>(file_[at_++]); }

  void put(uint8_t index) {
    if (pixel_ >= total_) return;
    uint8_t* row = row_of(image_, h_, pixel_ / h_.width);
    const Pixel& color = palette_.at(index);
    std::copy(color.begin(), color.end(), row + (pixel_ % h_.width) * 3);
    ++pixel_;
  }
  // Of two pixels in a byte the left one is in the high bits.
  void put_packed(uint8_t value, bool left) {
    put(h_.compression == kRle8 ? value : static_cast<uint8_t>(left ? value >> 4 : value & 15));
  }

  void run(int64_t count, uint8_t value) {
    for (int64_t i = 0; i < count; ++i) put_packed(value, i % 2 == 0);
    x_ += count;
  }
  bool skip() {
    if (!has(2)) return false;
    const int64_t right = byte();
    const int64_t up = byte();
    const int64_t count = std::min(total_ - pixel_, right + up * h_.width);
    for (int64_t i = 0; i < count; ++i) put(0);
    x_ = pixel_ % h_.width;
    return true;
  }
  bool literal(int64_t count) {
    for (int64_t i = 0; i < count && pixel_ < total_; ++i) {
      const bool left = h_.compression == kRle8 || i % 2 == 0;
      if (left && !has(1)) return false;
      if (left) literal_byte_ = byte();
      put_packed(literal_byte_, left);
    }
    x_ += count;
    at_ += at_ % 2;  // such runs end at even offsets
    return true;
  }

  Bytes file_;
  size_t at_;
  const BmpHeader& h_;
  const Palette& palette_;
  Image& image_;
  int64_t x_ = 0;
  int64_t pixel_ = 0;
  int64_t total_ = h_.width * h_.height;
  uint8_t literal_byte_ = 0;
};

void read_indexed_row(Bytes row, const BmpHeader& h, const Palette& palette, uint8_t* rgb) {
  for (int64_t x = 0; x < h.width; ++x, rgb += 3) {
    const auto bit = static_cast<size_t>(x) * h.bits;
    const uint32_t shift = 8 - h.bits - static_cast<uint32_t>(bit % 8);
    const uint32_t index =
        (std::to_integer<uint32_t>(row[bit / 8]) >> shift) & ((1U << h.bits) - 1);
    std::copy(palette.at(index).begin(), palette.at(index).end(), rgb);
  }
}

// Where a colour sits in a little-endian pixel, and how many values it has.
struct Field {
  uint32_t shift = 0;
  uint32_t max = 0;
};
using Fields = std::array<Field, 3>;  // red, green, blue

std::optional<Fields> fields_of(const BmpHeader& h) {
  using Masks = std::array<uint32_t, 3>;
  constexpr Masks kBgr = {0xFF0000, 0xFF00, 0xFF};
  constexpr Masks kFiveBits = {0x7C00, 0x3E0, 0x1F};
  constexpr Masks kSixGreen = {0xF800, 0x7E0, 0x1F};
  const bool stated = h.compression == kBitfields && h.masks != Masks{};
  if (h.bits == 16) {
    if (!stated || h.masks == kFiveBits) return Fields{{{10, 31}, {5, 31}, {0, 31}}};
    if (h.masks == kSixGreen) return Fields{{{11, 31}, {5, 63}, {0, 31}}};
    return std::nullopt;
  }
  const Masks masks = stated ? h.masks : kBgr;
  Fields fields = {};
  for (size_t c = 0; c < 3; ++c) {
    uint32_t shift = 0;
    while (shift < h.bits && masks.at(c) != 0xFFU << shift) shift += 8;
    if (shift >= h.bits) return std::nullopt;
    fields.at(c) = {shift, 255};
  }
  return fields;
}

void read_direct_row(Bytes row, const BmpHeader& h, const Fields& fields, uint8_t* rgb) {
  const size_t bytes = h.bits / 8;
  for (int64_t x = 0; x < h.width; ++x) {
    const uint32_t pixel = little_endian(row, static_cast<size_t>(x) * bytes, bytes);
    for (const Field& field : fields) {
      *rgb++ = static_cast<uint8_t>(((pixel >> field.shift) & field.max) * 255 / field.max);
    }
  }
}

}  // namespace

Result<DecodedImage> decode_bmp(Bytes file, const std::string& where, const ImageLimits& limits) {
  LAP_ASSIGN_OR_RETURN(BmpHeader h, read_header(file, where));
  Palette palette = {};
  if (h.bits <= 8) {
    LAP_ASSIGN_OR_RETURN(palette, read_palette(file, h, where));
  }
  const auto fields = h.bits > 8 ? fields_of(h) : Fields{};
  if (!fields) return unread(where, "these colour masks");
  LAP_ASSIGN_OR_RETURN(Image image, new_image(h.width, h.height, where, limits));
  if (h.compression == kRle8 || h.compression == kRle4) {
    if (!RunLengthDecoder(file, h, palette, image).decode()) return truncated_image(where);
    return DecodedImage{.image = std::move(image)};
  }
  // Rows begin at multiples of four bytes; the last one's filling may be missing.
  const size_t row_bytes = (static_cast<size_t>(h.width) * h.bits + 7) / 8;
  const size_t stride = (row_bytes + 3) / 4 * 4;
  const size_t needed = stride * static_cast<size_t>(h.height - 1) + row_bytes;
  if (h.pixels > file.size() || file.size() - h.pixels < needed) return truncated_image(where);
  for (int64_t y = 0; y < h.height; ++y) {
    const Bytes row = file.subspan(h.pixels + static_cast<size_t>(y) * stride, row_bytes);
    if (h.bits <= 8) {
      read_indexed_row(row, h, palette, row_of(image, h, y));
    } else {
      read_direct_row(row, h, *fields, row_of(image, h, y));
    }
  }
  return DecodedImage{.image = std::move(image)};
}

}  // namespace lapidary::media
