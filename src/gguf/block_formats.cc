#include "gguf/block_formats.h"

#include <algorithm>
#include <array>

#include "gguf/packed_bits.h"

namespace lapidary::gguf {
namespace {

using Blocks = std::span<const std::byte>;
using Values = std::span<float>;

// Layouts are byte ranges of one block. f16 is IEEE 754 binary16, little endian. "low" and "high"
// are the halves of a byte. Fields of several bits are counted from the lowest bit.

// Of small whole numbers: exact.
float to_float(unsigned code) { return static_cast<float>(code); }
float to_float(int code) { return static_cast<float>(code); }

float signed_byte_at(const std::byte* from, int64_t i) {
  return to_float(static_cast<int>(static_cast<int8_t>(from[i])));
}

// Calls decode(block, values) for each block.
template <int64_t kElements, int64_t kBytes, typename Decode>
void for_each_block(Blocks blocks, Values values, Decode decode) {
  const auto count = static_cast<int64_t>(blocks.size()) / kBytes;
  for (int64_t i = 0; i < count; ++i) {
    decode(blocks.data() + i * kBytes, values.data() + i * kElements);
  }
}

// Q4_0, 18 bytes: [0, 2) d f16; [2, 18) 4-bit q. d * (q - 8).
void dequantize_q4_0(Blocks blocks, Values values) {
  for_each_block<32, 18>(blocks, values, [](const std::byte* block, float* out) {
    const float d = half_at(block);
    for (int64_t i = 0; i < 32; ++i) {
      out[i] = d * to_float(static_cast<int>(nibble_of_32(block + 2, i)) - 8);
    }
  });
}

// Q4_1, 20 bytes: [0, 2) d f16; [2, 4) m f16; [4, 20) 4-bit q. d * q + m.
void dequantize_q4_1(Blocks blocks, Values values) {
  for_each_block<32, 20>(blocks, values, [](const std::byte* block, float* out) {
    const float d = half_at(block);
    const float m = half_at(block + 2);
    for (int64_t i = 0; i < 32; ++i) out[i] = d * to_float(nibble_of_32(block + 4, i)) + m;
  });
}

// Q5_0, 22 bytes: [0, 2) d f16; [2, 6) fifth bits; [6, 22) lower four bits. d * (q - 16).
void dequantize_q5_0(Blocks blocks, Values values) {
  for_each_block<32, 22>(blocks, values, [](const std::byte* block, float* out) {
    const float d = half_at(block);
    for (int64_t i = 0; i < 32; ++i) {
      out[i] = d * to_float(static_cast<int>(five_bits_of_32(block + 6, block + 2, i)) - 16);
    }
  });
}

// Q5_1, 24 bytes: [0, 2) d f16; [2, 4) m f16; [4, 8) fifth bits; [8, 24) lower four. d * q + m.
void dequantize_q5_1(Blocks blocks, Values values) {
  for_each_block<32, 24>(blocks, values, [](const std::byte* block, float* out) {
    const float d = half_at(block);
    const float m = half_at(block + 2);
    for (int64_t i = 0; i < 32; ++i) {
      out[i] = d * to_float(five_bits_of_32(block + 8, block + 4, i)) + m;
    }
  });
}

// Q8_0, 34 bytes: [0, 2) d f16; [2, 34) int8 q. q * d.
void dequantize_q8_0(Blocks blocks, Values values) {
  for_each_block<32, 34>(blocks, values, [](const std::byte* block, float* out) {
    const float d = half_at(block);
    for (int64_t i = 0; i < 32; ++i) out[i] = signed_byte_at(block + 2, i) * d;
  });
}

// The two lower bits of value i of 256 in Q2_K and Q3_K: 64 bytes, of which each 32 hold 128
// values, value j of a quarter in bits 2 * quarter of byte j.
unsigned two_bits_of_256(const std::byte* quarters, int64_t i) {
  return byte_at(quarters, i / 128 * 32 + i % 32) >> (i % 128 / 32 * 2) & 3U;
}

// Q2_K, 84 bytes: [0, 16) a byte for 16 values each, scale low and minimum high; [16, 80) 2-bit q;
// [80, 82) d f16; [82, 84) dmin f16. (d * scale) * q - (dmin * minimum).
void dequantize_q2_k(Blocks blocks, Values values) {
  for_each_block<256, 84>(blocks, values, [](const std::byte* block, float* out) {
    const float d = half_at(block + 80);
    const float dmin = half_at(block + 82);
    for (int64_t group = 0; group < 16; ++group) {
      const float scale = d * to_float(byte_at(block, group) & 0xfU);
      const float minimum = dmin * to_float(byte_at(block, group) >> 4);
      for (int64_t i = 16 * group; i < 16 * group + 16; ++i) {
        out[i] = scale * to_float(two_bits_of_256(block + 16, i)) - minimum;
      }
    }
  });
}

// Q3_K, 110 bytes: [0, 32) third bits, of value i in bit i / 32 of byte i % 32; [32, 96) lower two
// bits; [96, 108) scales of 6 bits for 16 values each: lower four of scale k in the low (k < 8) or
// high half of byte k % 8, upper two in bits 2 * (k / 4) of byte 8 + k % 4; [108, 110) d f16.
// (d * (scale - 32)) * (q - 4), with q the three bits.
void dequantize_q3_k(Blocks blocks, Values values) {
  for_each_block<256, 110>(blocks, values, [](const std::byte* block, float* out) {
    const std::byte* scales = block + 96;
    const float d = half_at(block + 108);
    for (int64_t k = 0; k < 16; ++k) {
      const unsigned lower = byte_at(scales, k % 8) >> (k < 8 ? 0 : 4) & 0xfU;
      const unsigned upper = byte_at(scales, 8 + k % 4) >> (k / 4 * 2) & 3U;
      const float scale = d * to_float(static_cast<int>(lower | upper << 4) - 32);
      for (int64_t i = 16 * k; i < 16 * k + 16; ++i) {
        const unsigned third = byte_at(block, i % 32) >> (i / 32) & 1U;
        const unsigned code = two_bits_of_256(block + 32, i) | third << 2;
        out[i] = scale * to_float(static_cast<int>(code) - 4);
      }
    }
  });
}

struct ScaleAndMinimum {
  unsigned scale;
  unsigned minimum;
};
// Q4_K and Q5_K: eight scales and eight minimums of 6 bits in 12 bytes. Of the first four the scale
// is bits 0 to 5 of byte k, the minimum those of byte 4 + k; of the others the lower four bits are
// the low and the high half of byte 4 + k, the upper two are bits 6 and 7 of bytes k - 4 and k.
ScaleAndMinimum scale_and_minimum(const std::byte* packed, int64_t k) {
  if (k < 4) return {byte_at(packed, k) & 0x3fU, byte_at(packed, 4 + k) & 0x3fU};
  const unsigned lower = byte_at(packed, 4 + k);
  return {(lower & 0xfU) | (byte_at(packed, k - 4) >> 2 & 0x30U),
          lower >> 4 | (byte_at(packed, k) >> 2 & 0x30U)};
}

// The four lower bits of value i of 256 in Q4_K and Q5_K: of each 32 bytes the low halves, then the
// high ones.
unsigned nibble_of_256(const std::byte* nibbles, int64_t i) {
  return byte_at(nibbles, i / 64 * 32 + i % 32) >> (i % 64 < 32 ? 0 : 4) & 0xfU;
}

// [0, 2) d f16; [2, 4) dmin f16; [4, 16) scales and minimums for 32 values each; then what
// `code(block, k, i)` makes the integer of value i of 256 from, k being i / 32.
// (d * scale) * q - (dmin * minimum).
template <int64_t kBytes, typename Code>
void dequantize_with_minimums(Blocks blocks, Values values, const Code& code) {
  for_each_block<256, kBytes>(blocks, values, [&](const std::byte* block, float* out) {
    const float d = half_at(block);
    const float dmin = half_at(block + 2);
    for (int64_t k = 0; k < 8; ++k) {
      const ScaleAndMinimum packed = scale_and_minimum(block + 4, k);
      const float scale = d * to_float(packed.scale);
      const float minimum = dmin * to_float(packed.minimum);
      for (int64_t i = 32 * k; i < 32 * k + 32; ++i) {
        out[i] = scale * to_float(code(block, k, i)) - minimum;
      }
    }
  });
}

// Q4_K, 144 bytes: [16, 144) 4-bit q.
void dequantize_q4_k(Blocks blocks, Values values) {
  dequantize_with_minimums<144>(blocks, values, [](const std::byte* block, int64_t, int64_t i) {
    return nibble_of_256(block + 16, i);
  });
}

// Q5_K, 176 bytes: [16, 48) fifth bits, of value i in bit i / 32 of byte i % 32; [48, 176) lower
// four bits.
void dequantize_q5_k(Blocks blocks, Values values) {
  dequantize_with_minimums<176>(blocks, values, [](const std::byte* block, int64_t k, int64_t i) {
    const unsigned fifth = byte_at(block + 16, i % 32) >> k & 1U;
    return nibble_of_256(block + 48, i) | fifth << 4;
  });
}

// Q6_K, 210 bytes: [0, 128) lower four bits, of each 64 bytes the low halves, then the high ones;
// [128, 192) upper two bits, as Q2_K has its q; [192, 208) int8 scales for 16 values each;
// [208, 210) d f16. (d * scale) * (q - 32).
void dequantize_q6_k(Blocks blocks, Values values) {
  for_each_block<256, 210>(blocks, values, [](const std::byte* block, float* out) {
    const float d = half_at(block + 208);
    for (int64_t group = 0; group < 16; ++group) {
      const float scale = d * signed_byte_at(block + 192, group);
      for (int64_t i = 16 * group; i < 16 * group + 16; ++i) {
        const unsigned lower = byte_at(block, i / 128 * 64 + i % 64) >> (i % 128 < 64 ? 0 : 4);
        const unsigned code = (lower & 0xfU) | two_bits_of_256(block + 128, i) << 4;
        out[i] = scale * to_float(static_cast<int>(code) - 32);
      }
    }
  });
}

constexpr DType kPacked = DType::kUndefined;
constexpr std::array kFormats = {
    BlockFormat{GgmlType::kF32, "F32", 1, 4, DType::kFloat, nullptr},
    BlockFormat{GgmlType::kF16, "F16", 1, 2, DType::kFloat16, nullptr},
    BlockFormat{GgmlType::kBF16, "BF16", 1, 2, DType::kBfloat16, nullptr},
    BlockFormat{GgmlType::kF64, "F64", 1, 8, DType::kDouble, nullptr},
    BlockFormat{GgmlType::kI8, "I8", 1, 1, DType::kInt8, nullptr},
    BlockFormat{GgmlType::kI16, "I16", 1, 2, DType::kInt16, nullptr},
    BlockFormat{GgmlType::kI32, "I32", 1, 4, DType::kInt32, nullptr},
    BlockFormat{GgmlType::kI64, "I64", 1, 8, DType::kInt64, nullptr},
    BlockFormat{GgmlType::kQ4_0, "Q4_0", 32, 18, kPacked, dequantize_q4_0},
    BlockFormat{GgmlType::kQ4_1, "Q4_1", 32, 20, kPacked, dequantize_q4_1},
    BlockFormat{GgmlType::kQ5_0, "Q5_0", 32, 22, kPacked, dequantize_q5_0},
    BlockFormat{GgmlType::kQ5_1, "Q5_1", 32, 24, kPacked, dequantize_q5_1},
    BlockFormat{GgmlType::kQ8_0, "Q8_0", 32, 34, kPacked, dequantize_q8_0},
    BlockFormat{GgmlType::kQ2_K, "Q2_K", 256, 84, kPacked, dequantize_q2_k},
    BlockFormat{GgmlType::kQ3_K, "Q3_K", 256, 110, kPacked, dequantize_q3_k},
    BlockFormat{GgmlType::kQ4_K, "Q4_K", 256, 144, kPacked, dequantize_q4_k},
    BlockFormat{GgmlType::kQ5_K, "Q5_K", 256, 176, kPacked, dequantize_q5_k},
    BlockFormat{GgmlType::kQ6_K, "Q6_K", 256, 210, kPacked, dequantize_q6_k},
};

struct OtherType {
  uint32_t number;
  std::string_view name;
};
// Those that ggml removed (4, 5, 31 to 33, 36 to 38) among them: old files have them.
constexpr std::array kOtherTypes = {
    OtherType{4, "Q4_2"},        OtherType{5, "Q4_3"},        OtherType{9, "Q8_1"},
    OtherType{15, "Q8_K"},       OtherType{16, "IQ2_XXS"},    OtherType{17, "IQ2_XS"},
    OtherType{18, "IQ3_XXS"},    OtherType{19, "IQ1_S"},      OtherType{20, "IQ4_NL"},
    OtherType{21, "IQ3_S"},      OtherType{22, "IQ2_S"},      OtherType{23, "IQ4_XS"},
    OtherType{29, "IQ1_M"},      OtherType{31, "Q4_0_4_4"},   OtherType{32, "Q4_0_4_8"},
    OtherType{33, "Q4_0_8_8"},   OtherType{34, "TQ1_0"},      OtherType{35, "TQ2_0"},
    OtherType{36, "IQ4_NL_4_4"}, OtherType{37, "IQ4_NL_4_8"}, OtherType{38, "IQ4_NL_8_8"},
    OtherType{39, "MXFP4"},      OtherType{40, "NVFP4"},      OtherType{41, "Q1_0"},
};

}  // namespace

const BlockFormat* block_format(GgmlType type) {
  const auto* const it = std::find_if(kFormats.begin(), kFormats.end(),
                                      [&](const BlockFormat& each) { return each.type == type; });
  return it == kFormats.end() ? nullptr : &*it;
}

std::string_view name_of(GgmlType type) {
  if (const BlockFormat* const format = block_format(type)) return format->name;
  for (const OtherType& other : kOtherTypes) {
    if (other.number == static_cast<uint32_t>(type)) return other.name;
  }
  return {};
}

}  // namespace lapidary::gguf
