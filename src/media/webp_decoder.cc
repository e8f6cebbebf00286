// WebP through libwebp, as PIL makes RGB of it: alpha is dropped, of an animation the first frame
// counts, on a canvas that is black where the frame does not reach.
#include <webp/decode.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "media/exif_orientation.h"
#include "media/image_codec.h"

namespace lapidary::media {
namespace {

const uint8_t* bytes_of(Bytes data) { return reinterpret_cast<const uint8_t*>(data.data()); }

struct Chunk {
  std::string_view id;  // four characters
  Bytes whole;          // with its eight bytes of header
  Bytes payload;
};

// Takes the next chunk off `rest`; nothing at the end or for a chunk that goes past it.
std::optional<Chunk> next_chunk(Bytes& rest) {
  constexpr size_t kHeader = 8;
  if (rest.size() < kHeader) return std::nullopt;
  const size_t size = little_endian(rest, 4, 4);
  if (size > rest.size() - kHeader) return std::nullopt;
  const Chunk chunk{std::string_view(reinterpret_cast<const char*>(rest.data()), 4),
                    rest.first(kHeader + size), rest.subspan(kHeader, size)};
  rest = rest.subspan(std::min(rest.size(), kHeader + size + size % 2));
  return chunk;
}

std::optional<Chunk> find_chunk(Bytes chunks, std::initializer_list<std::string_view> ids) {
  while (const auto chunk = next_chunk(chunks)) {
    if (std::find(ids.begin(), ids.end(), chunk->id) != ids.end()) return chunk;
  }
  return std::nullopt;
}

// Decodes `stream` (a file, or the chunk of a frame) to (x, y) of the canvas.
bool decode_onto(Image& canvas, int64_t x, int64_t y, Bytes stream) {
  const size_t stride = static_cast<size_t>(canvas.width) * 3;
  const size_t start = static_cast<size_t>(y) * stride + static_cast<size_t>(x) * 3;
  return WebPDecodeRGBInto(bytes_of(stream), stream.size(), canvas.rgb.data() + start,
                           canvas.rgb.size() - start, static_cast<int>(stride)) != nullptr;
}

Result<Image> decode_still(Bytes file, const std::string& where, const ImageLimits& limits) {
  int width = 0;
  int height = 0;
  if (WebPGetInfo(bytes_of(file), file.size(), &width, &height) == 0) {
    return damaged_image(where, "no WebP header");
  }
  LAP_ASSIGN_OR_RETURN(Image image, new_image(width, height, where, limits));
  if (!decode_onto(image, 0, 0, file)) return damaged_image(where, "its pixels do not decode");
  return image;
}

Result<Image> decode_first_frame(Bytes chunks, const Chunk& header, const std::string& where,
                                 const ImageLimits& limits) {
  constexpr size_t kFrameHeader = 16;
  const auto frame = find_chunk(chunks, {"ANMF"});
  if (!frame || frame->payload.size() < kFrameHeader) return damaged_image(where, "no frame");
  LAP_ASSIGN_OR_RETURN(Image image,
                       new_image(int64_t{1} + little_endian(header.payload, 4, 3),
                                 int64_t{1} + little_endian(header.payload, 7, 3), where, limits));
  const int64_t x = int64_t{2} * little_endian(frame->payload, 0, 3);
  const int64_t y = int64_t{2} * little_endian(frame->payload, 3, 3);
  const int64_t frame_width = int64_t{1} + little_endian(frame->payload, 6, 3);
  const int64_t frame_height = int64_t{1} + little_endian(frame->payload, 9, 3);
  const auto stream = find_chunk(frame->payload.subspan(kFrameHeader), {"VP8 ", "VP8L"});
  int width = 0;
  int height = 0;
  if (!stream || WebPGetInfo(bytes_of(stream->whole), stream->whole.size(), &width, &height) == 0 ||
      width != frame_width || height != frame_height || x + width > image.width ||
      y + height > image.height || !decode_onto(image, x, y, stream->whole)) {
    return damaged_image(where, "its first frame does not decode");
  }
  return image;
}

}  // namespace

Result<DecodedImage> decode_webp(Bytes file, const std::string& where, const ImageLimits& limits) {
  constexpr size_t kRiffHeader = 12;
  constexpr uint32_t kAnimated = 0x02;
  if (file.size() < kRiffHeader || little_endian(file, 4, 4) > file.size() - 8) {
    return truncated_image(where);
  }
  const Bytes chunks = file.subspan(kRiffHeader);
  const auto header = find_chunk(chunks, {"VP8X"});
  const bool extended = header && header->payload.size() >= 10;
  const bool animated = extended && (little_endian(header->payload, 0, 1) & kAnimated) != 0;
  LAP_ASSIGN_OR_RETURN(Image image, animated ? decode_first_frame(chunks, *header, where, limits)
                                             : decode_still(file, where, limits));
  const auto exif = extended ? find_chunk(chunks, {"EXIF"}) : std::nullopt;
  const auto xmp = extended ? find_chunk(chunks, {"XMP "}) : std::nullopt;
  const Bytes text = xmp ? xmp->payload : Bytes();
  return DecodedImage{
      std::move(image),
      orientation_of(exif ? exif->payload : Bytes(),
                     std::string_view(reinterpret_cast<const char*>(text.data()), text.size()))};
}

}  // namespace lapidary::media
