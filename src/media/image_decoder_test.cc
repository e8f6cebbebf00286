#include "media/image_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "base/testing/source_dir.h"
#include "media/exif_orientation.h"

namespace lapidary::media {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path& folder() {
  static const auto path = source_dir() / "tests/golden/media/images";
  return path;
}

std::string read_file(const std::string& name) {
  std::ifstream file(folder() / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<Image> decode(const std::string& file, const ImageLimits& limits = {}) {
  return decode_image(std::as_bytes(std::span(file)), "x.img", limits);
}

std::string error_of(const Result<Image>& result) {
  if (result.ok()) return "no error";
  EXPECT_EQ(result.error().kind, ErrorKind::kBadInput);
  return result.error().message();
}

// One small file of every decoder path.
const std::vector<std::string>& small_files() {
  static const std::vector<std::string> names = {"gray_16bit.png",
                                                 "interlaced_palette_4bit.png",
                                                 "palette_transparent.png",
                                                 "xmp_5.png",
                                                 "raw_profile_3.png",
                                                 "rgba_16bit.png",
                                                 "rgb_420.jpg",
                                                 "progressive.jpg",
                                                 "exif_6.jpg",
                                                 "cmyk.jpg",
                                                 "lossy_alpha.webp",
                                                 "lossless.webp",
                                                 "animated.webp",
                                                 "exif_3.webp",
                                                 "rle_8bit.bmp",
                                                 "rle_4bit.bmp",
                                                 "rgb_565.bmp",
                                                 "palette_4bit.bmp",
                                                 "masks_32bit.bmp",
                                                 "one_pixel.png"};
  return names;
}

// Would catch: reading past the end; a half-read picture taken for a whole one.
TEST(ImageDecoder, EveryPrefixIsRefusedOrDecodesAsTheWhole) {
  for (const std::string& name : small_files()) {
    const std::string file = read_file(name);
    const auto whole = decode(file);
    ASSERT_TRUE(whole.ok()) << name << whole.error().message();
    const size_t step = file.size() > 4000 ? 7 : 1;
    for (size_t size = 0; size < file.size(); size += step) {
      const auto part = decode(file.substr(0, size));
      if (!part.ok()) continue;
      // What may miss: the padding of the last row, or the end mark of run lengths.
      EXPECT_THAT(name, HasSubstr(".bmp"));
      EXPECT_EQ(part->rgb, whole->rgb) << name << " at " << size;
    }
  }
}

// Would catch: crashes and endless loops on damaged data (the sanitizers' builds run this too).
TEST(ImageDecoder, DamagedBytesNeverCrash) {
  std::mt19937 random(5);
  int64_t decoded = 0;
  for (const std::string& name : small_files()) {
    const std::string file = read_file(name);
    for (int round = 0; round < 60; ++round) {
      std::string damaged = file;
      for (int i = 0; i < 1 + round % 4; ++i) {
        damaged[random() % damaged.size()] = static_cast<char>(random());
      }
      const auto image = decode(damaged, {.max_pixels = 1 << 20});
      if (!image.ok()) continue;
      ++decoded;
      EXPECT_EQ(image->rgb.size(), static_cast<size_t>(image->width * image->height * 3));
    }
  }
  EXPECT_GT(decoded, 0);
}

TEST(ImageDecoder, LimitsAreCheckedBeforePixelsAreDecoded) {
  for (const std::string& name : small_files()) {
    if (name == "one_pixel.png") continue;
    const std::string file = read_file(name);
    EXPECT_THAT(error_of(decode(file, {.max_pixels = 40})), HasSubstr("at most 40 are read"))
        << name;
    EXPECT_THAT(error_of(decode(file, {.max_file_bytes = 50})), HasSubstr("at most 50 are read"));
  }
}

// A header that claims 60000 x 60000 pixels, with no data behind it.
TEST(ImageDecoder, BombsAreRefusedByTheirHeader) {
  std::string bmp = read_file("rgb.bmp");
  bmp.replace(18, 8, std::string("\x60\xEA\0\0\x60\xEA\0\0", 8));
  EXPECT_THAT(error_of(decode(bmp)), HasSubstr("60000 x 60000"));
  std::string jpeg = read_file("rgb_420.jpg");
  const size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, "\xEA\x60\xEA\x60");
  EXPECT_THAT(error_of(decode(jpeg)), HasSubstr("60000 x 60000"));
  std::string webp = read_file("animated.webp");
  const size_t canvas = webp.find("VP8X") + 12;
  webp.replace(canvas, 6, std::string("\x5F\xEA\0\x5F\xEA\0", 6));
  EXPECT_THAT(error_of(decode(webp)), HasSubstr("60000 x 60000"));
}

// Scans that cost hours for a few bytes each: a progressive JPEG whose first scan is repeated.
TEST(ImageDecoder, ManyScansAreRefused) {
  const std::string jpeg = read_file("progressive.jpg");
  const size_t scan = jpeg.find("\xFF\xDA");
  const size_t end = jpeg.find("\xFF\xC4", scan);  // the next scan's tables
  const auto repeated = [&](int times) {
    std::string out = jpeg.substr(0, end);
    for (int i = 0; i < times; ++i) out += jpeg.substr(scan, end - scan);
    return decode(out + jpeg.substr(end));
  };
  EXPECT_TRUE(repeated(50).ok());
  EXPECT_THAT(error_of(repeated(150)), HasSubstr("more than 100 scans"));
}

TEST(ImageDecoder, TellsWhatItCannotRead) {
  EXPECT_THAT(error_of(decode("")), HasSubstr("x.img: the image file is empty"));
  EXPECT_THAT(error_of(decode("hello")), HasSubstr("not an image of a known format"));
  EXPECT_THAT(error_of(decode("GIF89a....")), HasSubstr("GIF files are not read"));
  EXPECT_THAT(error_of(decode(std::string("\0\0\0\x18", 4) + "ftypheic....")), HasSubstr("HEIC"));
  EXPECT_THAT(error_of(decode(std::string("\0\0\0\x18", 4) + "ftypisom....")), HasSubstr("MP4"));
  EXPECT_THAT(error_of(decode(std::string("\0\0\0\x0C", 4) + "JXL \r\n\x87\n")),
              HasSubstr("JPEG XL files are not read as images (convert it to PNG"));
  EXPECT_THAT(error_of(load_image(folder() / "truncated.png")),
              HasSubstr("truncated.png: the image file is truncated"));
  EXPECT_THAT(error_of(load_image(folder() / "truncated.webp")), HasSubstr("truncated"));
  EXPECT_THAT(error_of(load_image(folder() / "truncated.jpg")), HasSubstr("truncated"));
  EXPECT_THAT(error_of(load_image(folder() / "no_pixels.png")), HasSubstr("damaged"));
  const auto missing = load_image(folder() / "missing.png");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::kIo);
  EXPECT_FALSE(load_image(folder()).ok());
}

// libjpeg would go on with grey blocks; the reference shows them.
TEST(ImageDecoder, DamagedJpegDataIsRefused) {
  std::string jpeg = read_file("rgb_444.jpg");
  const size_t scan = jpeg.find("\xFF\xDA");
  jpeg.erase(scan + 200, 300);
  EXPECT_THAT(error_of(decode(jpeg)), HasSubstr("damaged"));
}

std::string exif_block(const std::string& entry) {
  return std::string("II*\0\x08\0\0\0\x01\0", 10) + entry;
}

std::optional<int64_t> orientation_of(const std::string& exif) {
  return orientation_of_exif(std::as_bytes(std::span(exif)));
}

TEST(ExifOrientation, ReadsEveryIntegerTypeAndNothingElse) {
  EXPECT_EQ(orientation_of(exif_block(std::string("\x12\1\3\0\1\0\0\0\6\0\0\0", 12))), 6);
  EXPECT_EQ(orientation_of(exif_block(std::string("\x12\1\1\0\1\0\0\0\7\0\0\0", 12))), 7);
  EXPECT_EQ(orientation_of(exif_block(std::string("\x12\1\4\0\1\0\0\0\2\0\0\0", 12))), 2);
  EXPECT_EQ(orientation_of(exif_block(std::string("\x12\1\2\0\1\0\0\0\6\0\0\0", 12))),
            std::nullopt);
  EXPECT_EQ(orientation_of(exif_block(std::string("\x12\1\3\0\2\0\0\0\6\0\0\0", 12))),
            std::nullopt);
  EXPECT_EQ(orientation_of(exif_block(std::string("\x13\1\3\0\1\0\0\0\6\0\0\0", 12))),
            std::nullopt);
  EXPECT_EQ(orientation_of(exif_block("")), std::nullopt);
  EXPECT_EQ(orientation_of(std::string("II*\0\xFF\xFF\xFF\xFF", 8)), std::nullopt);
  EXPECT_EQ(orientation_of("not exif"), std::nullopt);
}

}  // namespace
}  // namespace lapidary::media
