// Numbers in the bytes of a packed block, for those who know the block's layout (block_formats.cc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/float_types.h"

namespace lapidary::gguf {

inline unsigned byte_at(const std::byte* from, int64_t i) {
  return std::to_integer<unsigned>(from[i]);
}

inline float half_at(const std::byte* from) {
  uint16_t bits = 0;
  std::memcpy(&bits, from, sizeof bits);
  return float16_to_float(bits);
}

// Value i of 32: the low half of byte i for the first 16, the high half of byte i - 16 for the
// rest.
inline unsigned nibble_of_32(const std::byte* nibbles, int64_t i) {
  return i < 16 ? byte_at(nibbles, i) & 0xfU : byte_at(nibbles, i - 16) >> 4;
}
// The same with a fifth bit: bit i of 32 in four bytes.
inline unsigned five_bits_of_32(const std::byte* nibbles, const std::byte* fifth_bits, int64_t i) {
  return nibble_of_32(nibbles, i) | (byte_at(fifth_bits, i / 8) >> (i % 8) & 1U) << 4;
}

}  // namespace lapidary::gguf
