// Integer codes inside tensors' bytes: one a byte, or two with the lower index in the low nibble.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lapidary::weights {

inline uint8_t nibble(std::span<const std::byte> bytes, size_t index) {
  return static_cast<uint8_t>(std::to_integer<unsigned>(bytes[index / 2]) >> (4 * (index % 2)) &
                              15U);
}

// -8 .. 7 of a nibble in two's complement.
inline int signed_nibble(std::span<const std::byte> bytes, size_t index) {
  return (nibble(bytes, index) ^ 8) - 8;
}

// Into bytes that begin as zeros.
inline void put_nibble(std::span<std::byte> bytes, size_t index, int code) {
  bytes[index / 2] |=
      static_cast<std::byte>((static_cast<unsigned>(code) & 15U) << (4 * (index % 2)));
}

}  // namespace lapidary::weights
