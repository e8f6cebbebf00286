#include "forms/ggml_blocks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/float_types.h"
#include "gguf/testing/gguf_bytes.h"

namespace lapidary::golden {
namespace {

using gguf::GgmlType;
using gguf::raw;
using Values = std::span<const float>;
using Codes = std::vector<uint8_t>;

constexpr size_t kSuperBlock = 256;

std::string half(float value) { return raw(float_to_float16(value)); }
float as_half(float value) { return float16_to_float(float_to_float16(value)); }
float divided(float a, float b) { return b == 0 ? 0 : a / b; }

std::string bytes_of(const Codes& codes) { return {codes.begin(), codes.end()}; }

// `count` codes of `bits` bits each from every group of `count` * `width`: byte i of a group has
// the codes i, i + width, ...
std::string interleaved(const Codes& codes, size_t width, size_t count, int shift, int bits) {
  Codes out;
  for (size_t group = 0; group < codes.size(); group += width * count) {
    for (size_t i = 0; i < width; ++i) {
      int byte = 0;
      for (size_t part = 0; part < count; ++part) {
        const int code = codes[group + part * width + i] >> shift & ((1 << bits) - 1);
        byte |= code << (static_cast<int>(part) * bits);
      }
      out.push_back(static_cast<uint8_t>(byte));
    }
  }
  return bytes_of(out);
}

float farthest_from_zero(Values block) {
  return *std::max_element(block.begin(), block.end(),
                           [](float a, float b) { return std::abs(a) < std::abs(b); });
}

// Q4 and Q5 of 32 values: `bits` bits, with a minimum or around 2^(bits - 1).
std::string block_of_32(Values block, int bits, bool minimum) {
  const int top = (1 << bits) - 1;
  const float least = *std::min_element(block.begin(), block.end());
  const float middle = static_cast<float>(1 << (bits - 1));
  const float step =
      minimum ? (*std::max_element(block.begin(), block.end()) - least) / static_cast<float>(top)
              : farthest_from_zero(block) / -middle;
  const float inverse = divided(1, step);
  Codes codes;
  for (const float x : block) {
    const float place = minimum ? (x - least) * inverse + 0.5F : x * inverse + (middle + 0.5F);
    codes.push_back(static_cast<uint8_t>(std::min(top, static_cast<int>(std::trunc(place)))));
  }
  std::string out = half(step);
  if (minimum) out += half(least);
  if (bits == 5) {
    uint32_t high = 0;
    for (size_t i = 0; i < codes.size(); ++i) high |= uint32_t{codes[i]} >> 4 << i;
    out += raw(high);
  }
  return out + interleaved(codes, 16, 2, 0, 4);
}

std::string block_q8_0(Values block) {
  const float step = std::abs(farthest_from_zero(block)) / 127;
  const float inverse = divided(1, step);
  std::string out = half(step);
  for (const float x : block) out += raw(static_cast<int8_t>(std::round(x * inverse)));
  return out;
}

// A K block's numbers: value = float16 * step * code - float16 * minimum.
struct SuperBlock {
  Codes codes, steps, minimums;
  std::string d, dmin;
};

SuperBlock with_minimums(Values block, size_t sub, int top, int largest) {
  std::vector<float> steps;
  std::vector<float> minimums;
  for (size_t at = 0; at < kSuperBlock; at += sub) {
    const auto [low, high] = std::minmax_element(block.begin() + at, block.begin() + at + sub);
    const float least = std::min(*low, 0.0F);
    steps.push_back((*high - least) / static_cast<float>(top));
    minimums.push_back(-least);
  }
  const auto largest_float = static_cast<float>(largest);
  const float d = *std::max_element(steps.begin(), steps.end()) / largest_float;
  const float dmin = *std::max_element(minimums.begin(), minimums.end()) / largest_float;
  SuperBlock out{{}, {}, {}, half(d), half(dmin)};
  const auto integer = [&](float value, float unit) {
    return std::clamp(std::nearbyint(divided(value, as_half(unit))), 0.0F, largest_float);
  };
  for (size_t part = 0; part < steps.size(); ++part) {
    const float step = integer(steps[part], d);
    const float minimum = integer(minimums[part], dmin);
    out.steps.push_back(static_cast<uint8_t>(step));
    out.minimums.push_back(static_cast<uint8_t>(minimum));
    for (const float x : block.subspan(part * sub, sub)) {
      const float level = divided(x + as_half(dmin) * minimum, as_half(d) * step);
      out.codes.push_back(
          static_cast<uint8_t>(std::clamp(std::nearbyint(level), 0.0F, static_cast<float>(top))));
    }
  }
  return out;
}

SuperBlock symmetric(Values block, int middle, int largest) {
  std::vector<float> steps;
  for (size_t at = 0; at < kSuperBlock; at += 16) {
    steps.push_back(std::abs(farthest_from_zero(block.subspan(at, 16))) /
                    static_cast<float>(middle - 1));
  }
  const float d = *std::max_element(steps.begin(), steps.end()) / static_cast<float>(largest);
  SuperBlock out{{}, {}, {}, half(d), {}};
  for (size_t part = 0; part < steps.size(); ++part) {
    const float step = std::clamp(std::nearbyint(divided(steps[part], as_half(d))), 0.0F,
                                  static_cast<float>(largest));
    out.steps.push_back(static_cast<uint8_t>(step));
    for (const float x : block.subspan(part * 16, 16)) {
      const float level = std::clamp(std::nearbyint(divided(x, as_half(d) * step)),
                                     static_cast<float>(-middle), static_cast<float>(middle - 1));
      out.codes.push_back(static_cast<uint8_t>(static_cast<int>(level) + middle));
    }
  }
  return out;
}

// Two lists of eight 6-bit numbers in 12 bytes.
std::string six_bit_pairs(const Codes& a, const Codes& b) {
  Codes out;
  for (const Codes* list : {&a, &b}) {
    for (size_t i = 0; i < 4; ++i) {
      out.push_back(static_cast<uint8_t>((*list)[i] | (*list)[i + 4] >> 4 << 6));
    }
  }
  for (size_t i = 4; i < 8; ++i)
    out.push_back(static_cast<uint8_t>((a[i] & 15) | (b[i] & 15) << 4));
  return bytes_of(out);
}

std::string block_q2_k(Values block) {
  const SuperBlock s = with_minimums(block, 16, 3, 15);
  Codes scales;
  for (size_t i = 0; i < 16; ++i) {
    scales.push_back(static_cast<uint8_t>(s.steps[i] | s.minimums[i] << 4));
  }
  return bytes_of(scales) + interleaved(s.codes, 32, 4, 0, 2) + s.d + s.dmin;
}

std::string block_q3_k(Values block) {
  SuperBlock s = symmetric(block, 4, 31);
  for (uint8_t& step : s.steps) step = static_cast<uint8_t>(step + 32);
  return interleaved(s.codes, 32, 8, 2, 1) + interleaved(s.codes, 32, 4, 0, 2) +
         interleaved(s.steps, 8, 2, 0, 4) + interleaved(s.steps, 4, 4, 4, 2) + s.d;
}

std::string block_q4_k(Values block) {
  const SuperBlock s = with_minimums(block, 32, 15, 63);
  return s.d + s.dmin + six_bit_pairs(s.steps, s.minimums) + interleaved(s.codes, 32, 2, 0, 4);
}

std::string block_q5_k(Values block) {
  const SuperBlock s = with_minimums(block, 32, 31, 63);
  return s.d + s.dmin + six_bit_pairs(s.steps, s.minimums) + interleaved(s.codes, 32, 8, 4, 1) +
         interleaved(s.codes, 32, 2, 0, 4);
}

std::string block_q6_k(Values block) {
  const SuperBlock s = symmetric(block, 32, 127);
  return interleaved(s.codes, 64, 2, 0, 4) + interleaved(s.codes, 32, 4, 4, 2) + bytes_of(s.steps) +
         s.d;
}

std::string one_block(GgmlType type, Values block) {
  switch (type) {
    case GgmlType::kF32:
      return raw(block[0]);
    case GgmlType::kF16:
      return half(block[0]);
    case GgmlType::kBF16:
      return raw(float_to_bfloat16(block[0]));
    case GgmlType::kQ4_0:
      return block_of_32(block, 4, false);
    case GgmlType::kQ4_1:
      return block_of_32(block, 4, true);
    case GgmlType::kQ5_0:
      return block_of_32(block, 5, false);
    case GgmlType::kQ5_1:
      return block_of_32(block, 5, true);
    case GgmlType::kQ8_0:
      return block_q8_0(block);
    case GgmlType::kQ2_K:
      return block_q2_k(block);
    case GgmlType::kQ3_K:
      return block_q3_k(block);
    case GgmlType::kQ4_K:
      return block_q4_k(block);
    case GgmlType::kQ5_K:
      return block_q5_k(block);
    case GgmlType::kQ6_K:
      return block_q6_k(block);
    default:
      return {};
  }
}

}  // namespace

std::string ggml_blocks(GgmlType type, Values values) {
  const auto elements = static_cast<size_t>(gguf::block_format(type)->elements);
  std::string out;
  for (size_t at = 0; at < values.size(); at += elements) {
    out += one_block(type, values.subspan(at, elements));
  }
  return out;
}

}  // namespace lapidary::golden
