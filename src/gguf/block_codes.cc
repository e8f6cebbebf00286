#include "gguf/block_codes.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "gguf/block_values.h"
#include "gguf/packed_bits.h"

namespace lapidary::gguf {
namespace {

// Where a block of 32 has its parts (block_formats.cc). -1: it has no such part.
struct CodeLayout {
  GgmlType type;
  int bits;
  int64_t minimum;  // the scale is at 0
  int64_t fifth_bits;
  int64_t codes;
};
constexpr std::array kCodeLayouts = {
    CodeLayout{GgmlType::kQ4_0, 4, -1, -1, 2}, CodeLayout{GgmlType::kQ4_1, 4, 2, -1, 4},
    CodeLayout{GgmlType::kQ5_0, 5, -1, 2, 6},  CodeLayout{GgmlType::kQ5_1, 5, 2, 4, 8},
    CodeLayout{GgmlType::kQ8_0, 8, -1, -1, 2},
};
constexpr int64_t kCodesABlock = 32;

void unpack_codes(const CodeLayout& layout, const std::byte* block, std::byte* codes) {
  const std::byte* const packed = block + layout.codes;
  if (layout.bits == 8) {
    // -128 to 127 as 0 to 255.
    for (int64_t i = 0; i < kCodesABlock; ++i) codes[i] = packed[i] ^ std::byte{0x80};
    return;
  }
  for (int64_t i = 0; i < kCodesABlock; ++i) {
    const unsigned code = layout.bits == 4 ? nibble_of_32(packed, i)
                                           : five_bits_of_32(packed, block + layout.fifth_bits, i);
    codes[i] = static_cast<std::byte>(code);
  }
}

tensor::Tensor codes_of(const GgufFile& file, const TensorInfo& info, const CodeLayout& layout) {
  const int64_t bytes = info.format->block_bytes;
  const auto decode = [&layout, bytes](std::span<const std::byte> blocks,
                                       std::span<std::byte> values) {
    std::byte* to = values.data();
    for (const std::byte* from = blocks.data(); from != blocks.data() + blocks.size();
         from += bytes, to += kCodesABlock) {
      unpack_codes(layout, from, to);
    }
  };
  return block_values(file.stored(info), info.shape,
                      {.name = fmt::format("codes<{}>", info.format->name),
                       .dtype = DType::kUint8,
                       .block_bytes = bytes,
                       .values_a_block = kCodesABlock,
                       .decode = decode});
}

// The float16 at byte `at` of each block, as float32.
tensor::Tensor halves_of(const GgufFile& file, const TensorInfo& info, int64_t at,
                         const char* name) {
  const int64_t bytes = info.format->block_bytes;
  const auto decode = [at, bytes](std::span<const std::byte> blocks, std::span<std::byte> values) {
    std::byte* to = values.data();
    for (const std::byte* from = blocks.data(); from != blocks.data() + blocks.size();
         from += bytes, to += sizeof(float)) {
      const float value = half_at(from + at);
      std::memcpy(to, &value, sizeof value);
    }
  };
  tensor::Shape shape = info.shape;
  shape.back() /= kCodesABlock;
  return block_values(file.stored(info), std::move(shape),
                      {.name = fmt::format("{}<{}>", name, info.format->name),
                       .dtype = DType::kFloat,
                       .block_bytes = bytes,
                       .values_a_block = 1,
                       .decode = decode});
}

}  // namespace

std::optional<tensor::Grid> block_codes(const GgufFile& file, const TensorInfo& info) {
  const auto* const layout =
      std::find_if(kCodeLayouts.begin(), kCodeLayouts.end(),
                   [&](const CodeLayout& each) { return each.type == info.format->type; });
  if (layout == kCodeLayouts.end() || info.shape.size() != 2) return std::nullopt;
  tensor::Grid out;
  out.bits = layout->bits;
  out.block_size = kCodesABlock;
  out.codes = codes_of(file, info, *layout);
  out.scales = halves_of(file, info, 0, "scales");
  if (layout->minimum >= 0) out.minimums = halves_of(file, info, layout->minimum, "minimums");
  return out;
}

}  // namespace lapidary::gguf
