// PNG through libpng, as PIL and the reference's processor make RGB of it: gamma is ignored, alpha
// is dropped, 16-bit colour keeps its high byte. Two of its ways surprise, but are what the
// reference shows the model: 16-bit grey without alpha is *clipped* at 255 (PIL's mode "I;16"), and
// where tRNS makes just one colour transparent, that colour becomes white.
#include <png.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "media/exif_orientation.h"
#include "media/image_codec.h"

namespace lapidary::media {
namespace {

// A longer text or colour profile is passed over: it could only serve to exhaust memory.
constexpr png_alloc_size_t kMaxChunkBytes = 8 << 20;
constexpr png_uint_32 kMaxChunks = 1000;

// libpng's state for one file. Its errors leave by longjmp, so what runs between `guarded`'s setjmp
// and such a jump holds no objects with destructors.
struct PngFile {
  explicit PngFile(Bytes bytes) : file(bytes) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ~PngFile() { png_destroy_read_struct(&png, &info, nullptr); }
  PngFile(const PngFile&) = delete;
  PngFile& operator=(const PngFile&) = delete;

  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto* self = static_cast<PngFile*>(png_get_error_ptr(png));
    std::snprintf(self->message.data(), self->message.size(), "%s", message);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}
  static void on_read(png_structp png, png_bytep to, size_t size) {
    auto* self = static_cast<PngFile*>(png_get_io_ptr(png));
    if (size > self->file.size() - self->offset || self->begins_chunk_beyond_end()) {
      self->at_end = true;
      png_error(png, "unexpected end");
    }
    std::memcpy(to, self->file.data() + self->offset, size);
    self->offset += size;
  }

  // libpng takes as much memory for a text as its chunk's length says, whatever limits it is given,
  // before it reads the first byte.
  bool begins_chunk_beyond_end() {
    constexpr size_t kHeader = 8;    // length and name
    constexpr size_t kChecksum = 4;  // behind the data
    if (offset != next_chunk || file.size() - offset < kHeader) return false;
    const size_t length = png_get_uint_32(
        static_cast<png_const_bytep>(static_cast<const void*>(file.data() + offset)));
    next_chunk = offset + kHeader + length + kChecksum;
    return length <= PNG_UINT_31_MAX && length > file.size() - offset - kHeader;
  }

  Error error(const std::string& where) const {
    return at_end ? truncated_image(where) : damaged_image(where, message.data());
  }

  Bytes file;
  size_t offset = 0;
  size_t next_chunk = 8;  // behind the signature
  bool at_end = false;
  std::array<char, 256> message = {};
  png_structp png = nullptr;
  png_infop info = nullptr;
};

bool guarded(PngFile& f, void (*body)(PngFile&, png_bytepp), png_bytepp rows = nullptr) {
  if (setjmp(png_jmpbuf(f.png)) != 0) return false;
  body(f, rows);
  return true;
}

void read_header(PngFile& f, png_bytepp) {
  png_set_read_fn(f.png, &f, PngFile::on_read);
  png_set_chunk_malloc_max(f.png, kMaxChunkBytes);
  png_set_chunk_cache_max(f.png, kMaxChunks);
  png_set_crc_action(f.png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_read_info(f.png, f.info);
}

// Every row is as wide as three bytes a pixel, and libpng fills one (grey, palette), two (16-bit
// grey) or three of them.
void read_rows(PngFile& f, png_bytepp rows) {
  const int depth = png_get_bit_depth(f.png, f.info);
  const int color = png_get_color_type(f.png, f.info);
  if (depth == 16 && color != PNG_COLOR_TYPE_GRAY) png_set_strip_16(f.png);
  if (depth < 8) {
    if (color == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(f.png);
    png_set_packing(f.png);
  }
  if ((color & PNG_COLOR_MASK_ALPHA) != 0) png_set_strip_alpha(f.png);
  png_set_interlace_handling(f.png);
  png_read_update_info(f.png, f.info);
  if (png_get_rowbytes(f.png, f.info) > size_t{3} * png_get_image_width(f.png, f.info)) {
    png_error(f.png, "rows wider than expected");
  }
  png_read_image(f.png, rows);
  png_read_end(f.png, f.info);
}

using Pixel = std::array<uint8_t, 3>;
using Palette = std::array<Pixel, 256>;

// Indices past the palette's end are black.
Palette palette_of(const PngFile& f) {
  Palette palette = {};
  png_colorp colors = nullptr;
  int count = 0;
  if (png_get_PLTE(f.png, f.info, &colors, &count) == 0) return palette;
  for (size_t i = 0; i < std::min<size_t>(palette.size(), static_cast<size_t>(count)); ++i) {
    palette.at(i) = {colors[i].red, colors[i].green, colors[i].blue};
  }
  return palette;
}

// The colour that PIL remembers as the transparent one, in its own reading of 16-bit values.
std::optional<Pixel> transparent_color(const PngFile& f) {
  png_bytep alphas = nullptr;
  png_color_16p color = nullptr;
  int count = 0;
  if (png_get_tRNS(f.png, f.info, &alphas, &count, &color) == 0) return std::nullopt;
  switch (png_get_color_type(f.png, f.info)) {
    case PNG_COLOR_TYPE_PALETTE: {
      // All opaque but one: anything else is dropped like other alpha.
      const std::span<const uint8_t> entries(alphas, static_cast<size_t>(count));
      const auto opaque = std::count(entries.begin(), entries.end(), 255);
      const auto clear = std::find(entries.begin(), entries.end(), 0);
      if (clear == entries.end() || opaque + 1 != count) return std::nullopt;
      return palette_of(f).at(static_cast<size_t>(clear - entries.begin()));
    }
    case PNG_COLOR_TYPE_GRAY: {
      const int depth = png_get_bit_depth(f.png, f.info);
      if (depth == 1 || depth == 16) {
        return (color->gray & 255) == 0 ? std::optional<Pixel>(Pixel{}) : std::nullopt;
      }
      const auto level = static_cast<uint8_t>(std::min<int>(color->gray, 255));
      return Pixel{level, level, level};
    }
    case PNG_COLOR_TYPE_RGB:
      return Pixel{static_cast<uint8_t>(color->red & 255), static_cast<uint8_t>(color->green & 255),
                   static_cast<uint8_t>(color->blue & 255)};
    default:
      return std::nullopt;
  }
}

void whiten(Image& image, const Pixel& color) {
  for (auto pixel = image.rgb.begin(); pixel != image.rgb.end(); pixel += 3) {
    if (std::equal(color.begin(), color.end(), pixel)) std::fill_n(pixel, 3, uint8_t{255});
  }
}

// From the last pixel to the first, as source and result share the row's memory.
void expand_row(uint8_t* row, int64_t width, size_t bytes_per_pixel, const Palette* palette) {
  for (int64_t x = width - 1; x >= 0; --x) {
    Pixel pixel{};
    if (bytes_per_pixel == 2) {
      pixel.fill(row[2 * x] != 0 ? 255 : row[2 * x + 1]);
    } else if (palette != nullptr) {
      pixel = palette->at(row[x]);
    } else {
      pixel.fill(row[x]);
    }
    std::copy(pixel.begin(), pixel.end(), row + 3 * x);
  }
}

void expand(const PngFile& f, Image& image) {
  const int color = png_get_color_type(f.png, f.info);  // after the transformations
  if (color == PNG_COLOR_TYPE_RGB) return;
  const Palette palette = palette_of(f);
  const size_t bytes_per_pixel = png_get_bit_depth(f.png, f.info) == 16 ? 2 : 1;
  for (int64_t y = 0; y < image.height; ++y) {
    expand_row(image.rgb.data() + y * image.width * 3, image.width, bytes_per_pixel,
               color == PNG_COLOR_TYPE_PALETTE ? &palette : nullptr);
  }
}

// ImageMagick's way to keep EXIF in text: three lines (empty, a name, a length), then hex digits.
std::vector<std::byte> bytes_of_raw_profile(std::string_view text) {
  for (int line = 0; line < 3; ++line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits),
               [](char c) { return c != '\n'; });
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    unsigned value = 0;
    const char* end = digits.data() + i + 2;
    if (std::from_chars(digits.data() + i, end, value, 16).ptr != end) break;
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

int64_t orientation_of_png(const PngFile& f) {
  std::vector<std::byte> profile;
  std::string_view xmp;
  png_textp texts = nullptr;
  int count = 0;
  png_get_text(f.png, f.info, &texts, &count);
  for (int i = 0; i < count; ++i) {
    const std::string_view key = texts[i].key;
    const bool international = texts[i].compression >= PNG_ITXT_COMPRESSION_NONE;
    const std::string_view text(texts[i].text,
                                international ? texts[i].itxt_length : texts[i].text_length);
    if (key == "Raw profile type exif") profile = bytes_of_raw_profile(text);
    if (key == "XML:com.adobe.xmp") xmp = text;
  }
  png_bytep exif = nullptr;
  png_uint_32 size = 0;
  if (png_get_eXIf_1(f.png, f.info, &size, &exif) != 0) {
    return orientation_of(std::as_bytes(std::span(exif, size)), xmp);
  }
  return orientation_of(profile, xmp);
}

}  // namespace

Result<DecodedImage> decode_png(Bytes file, const std::string& where, const ImageLimits& limits) {
  PngFile f(file);
  if (f.png == nullptr || f.info == nullptr) return internal_error(where, "libpng did not start");
  if (!guarded(f, read_header)) return f.error(where);
  LAP_ASSIGN_OR_RETURN(Image image, new_image(png_get_image_width(f.png, f.info),
                                              png_get_image_height(f.png, f.info), where, limits));
  const std::optional<Pixel> transparent = transparent_color(f);
  std::vector<png_bytep> rows(static_cast<size_t>(image.height));
  for (size_t y = 0; y < rows.size(); ++y) {
    rows[y] = image.rgb.data() + y * static_cast<size_t>(image.width) * 3;
  }
  if (!guarded(f, read_rows, rows.data())) return f.error(where);
  expand(f, image);
  if (transparent) whiten(image, *transparent);
  return DecodedImage{std::move(image), orientation_of_png(f)};
}

}  // namespace lapidary::media
