// libFuzzer target: any bytes as an image file, and what decodes as patches. Limits are small so
// that a run spends its time in the decoders and not in filling memory. The mutator mends the
// checksums of a PNG's chunks, without which nearly every mutation would end at the first of them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "media/image_decoder.h"
#include "media/image_patches.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

uint32_t crc32_of(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0U;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

void mend_png_checksums(std::span<uint8_t> file) {
  constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
  if (file.size() < kSignature.size() ||
      !std::equal(kSignature.begin(), kSignature.end(), file.begin(),
                  [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; })) {
    return;
  }
  file = file.subspan(kSignature.size());
  constexpr size_t kFrame = 12;  // length, type, checksum
  while (file.size() >= kFrame) {
    const size_t length = (size_t{file[0]} << 24) | (size_t{file[1]} << 16) |
                          (size_t{file[2]} << 8) | size_t{file[3]};
    if (length > file.size() - kFrame) return;
    const uint32_t crc = crc32_of(file.subspan(4, 4 + length));
    for (size_t i = 0; i < 4; ++i) file[8 + length + i] = static_cast<uint8_t>(crc >> (24 - 8 * i));
    file = file.subspan(kFrame + length);
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned) {
  size = LLVMFuzzerMutate(data, size, max_size);
  mend_png_checksums(std::span(data, size));
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace media = lapidary::media;
  const auto image =
      media::decode_image(std::as_bytes(std::span(data, size)), "fuzz", {.max_pixels = 1 << 16});
  if (!image.ok()) return 0;
  const auto patches = media::image_patches(
      *image, {.patch_size = 4, .max_soft_tokens = 70, .pooling_kernel_size = 2}, "fuzz");
  // Every picture that decodes has a size that the model takes.
  if (!patches.ok() || patches->soft_tokens > 70) std::abort();
  return 0;
}
