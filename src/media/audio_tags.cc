#include "media/audio_tags.h"

#include <cstdint>
#include <string_view>

#include "media/byte_fields.h"

namespace lapidary::media {
namespace {

constexpr size_t kId3Header = 10;
constexpr size_t kApeFooter = 32;
constexpr std::string_view kApe = "APETAGEX";

// 0 when there is none.
size_t id3_bytes(std::span<const std::byte> file) {
  if (!has_text(file, 0, "ID3") || file.size() < kId3Header) return 0;
  size_t length = 0;
  for (size_t i = 6; i < kId3Header; ++i) {  // seven bits a byte
    length = length << 7 | std::to_integer<size_t>(file[i] & std::byte{0x7F});
  }
  const bool footer = std::to_integer<int>(file[5] & std::byte{0x10}) != 0;
  length += kId3Header + (footer ? kId3Header : 0);
  return length <= file.size() ? length : kId3Header;
}

// Of a tag whose header or footer, which look alike, lies at `at`: without the header. 0 when there
// is none.
size_t ape_bytes(std::span<const std::byte> file, size_t at) {
  if (!has_text(file, at, kApe)) return 0;
  const auto length = number_at(file, at + 12, 4, false);  // values and footer
  return length && *length >= kApeFooter ? static_cast<size_t>(*length) : 0;
}

size_t ape_end_bytes(std::span<const std::byte> file) {
  if (file.size() < kApeFooter) return 0;
  const size_t length = ape_bytes(file, file.size() - kApeFooter);
  if (length == 0 || length > file.size()) return 0;
  const bool header =
      file.size() - length >= kApeFooter && has_text(file, file.size() - length - kApeFooter, kApe);
  return length + (header ? kApeFooter : 0);
}

size_t lyrics_end_bytes(std::span<const std::byte> file) {
  constexpr std::string_view kEnd = "LYRICS200";
  constexpr size_t kDigits = 6;
  if (file.size() < kEnd.size() + kDigits || !has_text(file, file.size() - kEnd.size(), kEnd)) {
    return 0;
  }
  size_t length = 0;
  for (size_t i = file.size() - kEnd.size() - kDigits; i < file.size() - kEnd.size(); ++i) {
    const int digit = std::to_integer<int>(file[i]) - '0';
    if (digit < 0 || digit > 9) return 0;
    length = length * 10 + static_cast<size_t>(digit);
  }
  length += kEnd.size() + kDigits;
  return length <= file.size() ? length : 0;
}

size_t id3v1_bytes(std::span<const std::byte> file) {
  constexpr size_t kLength = 128;
  return file.size() >= kLength && has_text(file, file.size() - kLength, "TAG") ? kLength : 0;
}

}  // namespace

std::span<const std::byte> skip_tags(std::span<const std::byte> file) {
  while (true) {
    size_t length = id3_bytes(file);
    if (length == 0) {
      const size_t values = ape_bytes(file, 0);
      if (values != 0) length = kApeFooter + values;
      if (length > file.size()) length = kApeFooter;
    }
    if (length == 0) return file;
    file = file.subspan(length);
  }
}

std::span<const std::byte> drop_end_tags(std::span<const std::byte> file) {
  while (!file.empty()) {
    size_t length = id3v1_bytes(file);
    if (length == 0) length = ape_end_bytes(file);
    if (length == 0) length = lyrics_end_bytes(file);
    if (length == 0 && file.back() == std::byte{0}) {
      // The last frame may end with zeros of its own: a frame's worth of them is left.
      constexpr size_t kLongestFrame = 2881;
      size_t zeros = 0;
      while (zeros < file.size() && file[file.size() - 1 - zeros] == std::byte{0}) ++zeros;
      if (zeros > kLongestFrame) length = zeros - kLongestFrame;
    }
    if (length == 0) return file;
    file = file.first(file.size() - length);
  }
  return file;
}

}  // namespace lapidary::media
