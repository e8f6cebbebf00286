// How GGUF files store the values of a tensor: plain numbers, or packed blocks of consecutive
// values of one row. One row of `block_format` a type; the decoding of each packed type into
// float32.
//
//   const BlockFormat* format = block_format(GgmlType::kQ4_0);   // 32 values in 18 bytes
//   std::vector<float> values(2 * 32);
//   format->dequantize(two_blocks, values);
//
// Values equal those of gguf.quants.dequantize (Python package gguf 0.19.0) bit for bit: the same
// float32 operations in the same order, none fused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/dtype.h"

namespace lapidary::gguf {

// Numbers are those of ggml_type in a tensor's info, and names as ggml spells them. A file may hold
// others. NOLINTBEGIN(readability-identifier-naming)
enum class GgmlType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kBF16 = 30,
};
// NOLINTEND(readability-identifier-naming)

struct BlockFormat {
  GgmlType type = GgmlType::kF32;
  std::string_view name;  // "Q4_K", as ggml spells it
  int64_t elements = 1;   // values of a block; a row holds whole blocks
  int64_t block_bytes = 0;
  DType plain = DType::kUndefined;  // of a plain type; packed ones have none
  // Whole blocks to block.elements values each. Null for a plain type.
  void (*dequantize)(std::span<const std::byte> blocks, std::span<float> values) = nullptr;

  bool is_packed() const { return plain == DType::kUndefined; }
};

// Null for a type that is not read here.
const BlockFormat* block_format(GgmlType type);

// "IQ4_NL", also of types that ggml knows and that are not read here; empty for a number without a
// name.
std::string_view name_of(GgmlType type);

}  // namespace lapidary::gguf
