#include "media/mpeg_frames.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace lapidary::media {
namespace {

constexpr size_t kHeaderBytes = 4;

// The header of a frame: 11 bits of sync, then version, layer, bit rate and rate, each of which has
// a value that no stream uses. Layer 0 is what AAC streams have there.
struct FrameHeader {
  uint32_t bits = 0;

  uint32_t version() const { return bits >> 19 & 3; }  // 0: MPEG 2.5, 2: MPEG 2, 3: MPEG 1
  uint32_t layer() const { return 4 - (bits >> 17 & 3); }
  uint32_t bit_rate() const { return bits >> 12 & 15; }
  uint32_t rate() const { return bits >> 10 & 3; }
  bool valid() const {
    return bits >> 21 == 0x7FF && version() != 1 && layer() != 4 && bit_rate() != 15 && rate() != 3;
  }
  // Frames of one stream have the same version, layer and rate.
  bool same_stream(FrameHeader other) const {
    constexpr uint32_t kStream = 0xFFFE0C00;
    return (bits & kStream) == (other.bits & kStream);
  }
};

FrameHeader header_at(std::span<const std::byte> bytes, size_t offset) {
  if (bytes.size() < offset || bytes.size() - offset < kHeaderBytes) return {};
  FrameHeader header;
  for (size_t i = 0; i < kHeaderBytes; ++i) {
    header.bits = header.bits << 8 | std::to_integer<uint32_t>(bytes[offset + i]);
  }
  return header;
}

// Of a valid header, ISO 11172-3 and 13818-3; 0 for a free bit rate.
size_t frame_bytes(FrameHeader header) {
  using Row = std::array<uint16_t, 15>;  // kbit/s
  constexpr std::array<Row, 3> kMpeg1 = {
      Row{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
      Row{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
      Row{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}};
  constexpr Row kMpeg2Layer1 = {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256};
  constexpr Row kMpeg2 = {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160};
  constexpr std::array<size_t, 3> kRates = {44100, 48000, 32000};
  const bool mpeg1 = header.version() == 3;
  const uint32_t layer = header.layer();
  const Row& row = mpeg1 ? kMpeg1[layer - 1] : layer == 1 ? kMpeg2Layer1 : kMpeg2;
  const size_t bits_per_second = size_t{row[header.bit_rate()]} * 1000;
  const size_t rate = kRates[header.rate()] / (mpeg1 ? 1 : header.version() == 2 ? 2 : 4);
  const size_t padding = header.bits >> 9 & 1;
  if (bits_per_second == 0) return 0;
  if (layer == 1) return (12 * bits_per_second / rate + padding) * 4;
  const size_t samples = layer == 3 && !mpeg1 ? 576 : 1152;
  return samples / 8 * bits_per_second / rate + padding;
}

bool begins_stream(std::span<const std::byte> bytes, size_t offset) {
  constexpr int kFrames = 3;
  const FrameHeader first = header_at(bytes, offset);
  size_t at = offset;
  for (int frame = 0; frame < kFrames; ++frame) {
    if (frame == kFrames - 1 && at == bytes.size()) return true;
    const FrameHeader header = header_at(bytes, at);
    if (!header.valid() || !header.same_stream(first)) return false;
    const size_t length = frame_bytes(header);
    if (length < kHeaderBytes) return false;
    at += length;
  }
  return true;
}

}  // namespace

bool is_mpeg_frame(std::span<const std::byte> bytes) { return header_at(bytes, 0).valid(); }

std::optional<size_t> find_mpeg_frames(std::span<const std::byte> bytes, size_t reach) {
  constexpr std::byte kSync{0xFF};
  const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(std::min(reach, bytes.size()));
  for (auto at = std::find(bytes.begin(), end, kSync); at != end;
       at = std::find(at + 1, end, kSync)) {
    const auto offset = static_cast<size_t>(at - bytes.begin());
    if (!begins_stream(bytes, offset)) continue;
    // Damage behind the very first frame is the decoder's to get over.
    const FrameHeader front = header_at(bytes, 0);
    return front.valid() && front.same_stream(header_at(bytes, offset)) ? 0 : offset;
  }
  return std::nullopt;
}

}  // namespace lapidary::media
