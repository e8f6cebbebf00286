// Texts and numbers at places of a file in memory that may be shorter than it says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lapidary::media {

inline bool has_text(std::span<const std::byte> file, size_t offset, std::string_view text) {
  if (file.size() < offset || file.size() - offset < text.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (static_cast<char>(file[offset + i]) != text[i]) return false;
  }
  return true;
}

// The unsigned number of `width` bytes at `offset`; nothing when it is not all there.
inline std::optional<uint64_t> number_at(std::span<const std::byte> file, size_t offset,
                                         size_t width, bool big_endian) {
  if (file.size() < offset || file.size() - offset < width) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) {
    const size_t at = big_endian ? i : width - 1 - i;
    value = value << 8 | std::to_integer<uint64_t>(file[offset + at]);
  }
  return value;
}

}  // namespace lapidary::media
