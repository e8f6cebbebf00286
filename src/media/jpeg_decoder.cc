// JPEG through libjpeg, as PIL makes RGB of it: grey is repeated, CMYK and YCCK are taken as stored
// inverted (Adobe's way, the only one in use), EXIF and XMP come from the APP1 segments.
#include <cstddef>
#include <cstdio>
// jpeglib.h needs the two above.
#include <fmt/core.h>
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <string_view>
#include <vector>

#include "media/exif_orientation.h"
#include "media/image_codec.h"

namespace lapidary::media {
namespace {

// A scan may be a few bytes that touch every block: without a bound, hours of work fit in a file.
// Encoders write about ten.
constexpr int kMaxScans = 100;
constexpr int kApp1 = JPEG_APP0 + 1;

// libjpeg's state for one file. Its errors leave by longjmp, so what runs between `guarded`'s
// setjmp and such a jump holds no objects with destructors.
struct JpegFile {
  explicit JpegFile(Bytes bytes) : file(bytes) {
    jpeg.err = jpeg_std_error(&errors);
    errors.error_exit = on_error;
    errors.emit_message = on_message;
    errors.output_message = [](j_common_ptr) {};
    progress.progress_monitor = on_progress;
    jpeg.client_data = this;
  }
  ~JpegFile() { jpeg_destroy_decompress(&jpeg); }
  JpegFile(const JpegFile&) = delete;
  JpegFile& operator=(const JpegFile&) = delete;

  static JpegFile& of(j_common_ptr jpeg) { return *static_cast<JpegFile*>(jpeg->client_data); }

  [[noreturn]] static void on_error(j_common_ptr jpeg) {
    JpegFile& self = of(jpeg);
    self.at_end = jpeg->err->msg_code == JWRN_JPEG_EOF || jpeg->err->msg_code == JERR_INPUT_EMPTY;
    jpeg->err->format_message(jpeg, self.message.data());
    std::longjmp(self.jump, 1);
  }
  // libjpeg goes on after these with grey or shifted blocks. A picture like that is not shown to
  // the model as if it were whole.
  static void on_message(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
      case JWRN_JPEG_EOF:
      case JWRN_HIT_MARKER:
      case JWRN_HUFF_BAD_CODE:
        on_error(jpeg);
      default:
        break;
    }
  }
  static void on_progress(j_common_ptr jpeg) {
    JpegFile& self = of(jpeg);
    if (self.jpeg.input_scan_number <= kMaxScans) return;
    std::snprintf(self.message.data(), self.message.size(), "more than %d scans", kMaxScans);
    std::longjmp(self.jump, 1);
  }

  Error error(const std::string& where) const {
    return at_end ? truncated_image(where) : damaged_image(where, message.data());
  }

  Bytes file;
  jpeg_decompress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf jump = {};
  bool at_end = false;
  std::array<char, JMSG_LENGTH_MAX> message = {};
};

bool guarded(JpegFile& f, void (*body)(JpegFile&, Image*, uint8_t*), Image* image = nullptr,
             uint8_t* cmyk_row = nullptr) {
  if (setjmp(f.jump) != 0) return false;
  body(f, image, cmyk_row);
  return true;
}

void read_header(JpegFile& f, Image*, uint8_t*) {
  jpeg_create_decompress(&f.jpeg);
  f.jpeg.client_data = &f;
  f.jpeg.progress = &f.progress;
  jpeg_mem_src(&f.jpeg, reinterpret_cast<const unsigned char*>(f.file.data()), f.file.size());
  jpeg_save_markers(&f.jpeg, kApp1, 0xFFFF);
  jpeg_read_header(&f.jpeg, TRUE);
}

void expand_grey(uint8_t* row, int64_t width) {
  for (int64_t x = width - 1; x >= 0; --x) std::fill_n(row + 3 * x, 3, row[x]);
}

// a * b / 255, rounded, without a division.
int scaled(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

// `cmyk` holds 255 minus each ink.
void rgb_of_cmyk(const uint8_t* cmyk, int64_t width, uint8_t* rgb) {
  for (int64_t x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    for (int c = 0; c < 3; ++c) {
      rgb[c] = static_cast<uint8_t>(std::clamp(cmyk[3] - scaled(255 - cmyk[c], cmyk[3]), 0, 255));
    }
  }
}

void read_rows(JpegFile& f, Image* image, uint8_t* cmyk_row) {
  const int components = f.jpeg.num_components;
  f.jpeg.out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_start_decompress(&f.jpeg);
  while (f.jpeg.output_scanline < f.jpeg.output_height) {
    uint8_t* row = image->rgb.data() + int64_t{3} * f.jpeg.output_scanline * image->width;
    JSAMPROW to = components == 4 ? cmyk_row : row;
    jpeg_read_scanlines(&f.jpeg, &to, 1);
    if (components == 1) expand_grey(row, image->width);
    if (components == 4) rgb_of_cmyk(cmyk_row, image->width, row);
  }
  jpeg_finish_decompress(&f.jpeg);
}

// Several EXIF segments continue one another; of several XMP packets the last counts.
int64_t orientation_of_jpeg(const JpegFile& f) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  constexpr std::string_view kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
  std::vector<std::byte> exif;
  std::string_view xmp;
  for (auto* marker = f.jpeg.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view text(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (marker->marker != kApp1) continue;
    if (text.starts_with(kExif)) {
      const auto* from = reinterpret_cast<const std::byte*>(text.data());
      exif.insert(exif.end(), from + kExif.size(), from + text.size());
    } else if (text.starts_with(kXmp)) {
      xmp = text.substr(kXmp.size());
    }
  }
  return orientation_of(exif, xmp);
}

}  // namespace

Result<DecodedImage> decode_jpeg(Bytes file, const std::string& where, const ImageLimits& limits) {
  JpegFile f(file);
  if (!guarded(f, read_header)) return f.error(where);
  const int components = f.jpeg.num_components;
  if (components != 1 && components != 3 && components != 4) {
    return bad_input(where, fmt::format("a JPEG of {} components is not read", components),
                     "grey, colour and CMYK are; convert the image");
  }
  LAP_ASSIGN_OR_RETURN(Image image,
                       new_image(f.jpeg.image_width, f.jpeg.image_height, where, limits));
  const int64_t orientation = orientation_of_jpeg(f);
  std::vector<uint8_t> cmyk_row(components == 4 ? static_cast<size_t>(image.width) * 4 : 0);
  if (!guarded(f, read_rows, &image, cmyk_row.data())) return f.error(where);
  return DecodedImage{std::move(image), orientation};
}

}  // namespace lapidary::media
