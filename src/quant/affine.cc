#include "quant/affine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace lapidary::quant {
namespace {

constexpr std::array kCodeTypes = {DType::kInt4, DType::kInt8, DType::kUint8, DType::kInt16,
                                   DType::kUint16};

Error no_code_type(DType type) {
  return bad_input("quantize", fmt::format("{} is no type that codes have", name_of(type)));
}

constexpr int kScaleSteps = 64;

double squared_error(std::span<const float> row, float scale, const CodeRange& codes) {
  double sum = 0;
  for (const float x : row) {
    const double error =
        static_cast<double>(x) - static_cast<double>(scale) * code_of(x, {scale, 0}, codes);
    sum += error * error;
  }
  return sum;
}

float searched_scale(std::span<const float> row, float widest, const CodeRange& codes) {
  float best = widest;
  double least = squared_error(row, widest, codes);
  for (int step = 1; step < kScaleSteps; ++step) {
    const float scale =
        widest * (1.0F - 0.5F * static_cast<float>(step) / static_cast<float>(kScaleSteps));
    if (scale < std::numeric_limits<float>::min()) break;
    const double error = squared_error(row, scale, codes);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

Status check_sizes(DType type, size_t values, size_t bytes, const Affine& affine) {
  if (!is_code_type(type)) return no_code_type(type);
  if (bytes != packed_bytes(type, values)) {
    return bad_input("quantize",
                     fmt::format("{} bytes for {} codes of type {}", bytes, values, name_of(type)));
  }
  const CodeRange codes = codes_of(type, false);
  if (affine.zero_point < codes.min || affine.zero_point > codes.max) {
    return bad_input("quantize", fmt::format("zero point {} is no code of type {}",
                                             affine.zero_point, name_of(type)));
  }
  return {};
}

Error not_finite(size_t index) {
  return bad_input(fmt::format("value {}", index), "is not a finite number",
                   "only finite values can be quantized");
}

int32_t unpacked(std::span<const std::byte> packed, int bits, bool with_sign, size_t i) {
  uint32_t raw = 0;
  if (bits == 4) {
    raw = (std::to_integer<uint32_t>(packed[i / 2]) >> (i % 2 * 4)) & 15U;
  } else if (bits == 8) {
    raw = std::to_integer<uint32_t>(packed[i]);
  } else {
    raw = std::to_integer<uint32_t>(packed[2 * i]) | std::to_integer<uint32_t>(packed[2 * i + 1])
                                                         << 8U;
  }
  const uint32_t sign = 1U << (bits - 1);
  const auto value = static_cast<int32_t>(raw);
  return with_sign && (raw & sign) != 0 ? value - static_cast<int32_t>(2 * sign) : value;
}

}  // namespace

bool is_code_type(DType type) {
  return std::find(kCodeTypes.begin(), kCodeTypes.end(), type) != kCodeTypes.end();
}

Result<DType> integer_type_of(std::string_view name, const std::string& where) {
  std::vector<std::string_view> known;
  for (const DType type : kCodeTypes) {
    if (name_of(type) == name) return type;
    known.push_back(name_of(type));
  }
  return bad_input(where, fmt::format("'{}' is no integer type", name),
                   fmt::format("known: {}", fmt::join(known, ", ")));
}

CodeRange codes_of(DType type, bool symmetric) {
  if (!is_code_type(type)) return {0, 0};
  const IntegerLimits limits = integer_limits(type).value_or(IntegerLimits{});
  const auto max = static_cast<int32_t>(limits.max);
  return {symmetric && is_signed(type) ? -max : static_cast<int32_t>(limits.min), max};
}

Range united(const Range& a, const Range& b) {
  return {std::min(a.min, b.min), std::max(a.max, b.max)};
}

Result<Affine> affine_of(const Range& range, DType type, bool symmetric) {
  if (!is_code_type(type)) return no_code_type(type);
  if (!std::isfinite(range.min) || !std::isfinite(range.max) || range.min > range.max) {
    return bad_input(fmt::format("range [{:f}, {:f}]", range.min, range.max),
                     "is not a range of finite numbers");
  }
  const CodeRange codes = codes_of(type, symmetric);
  double low = static_cast<double>(std::min(range.min, 0.0F));
  double high = static_cast<double>(std::max(range.max, 0.0F));
  if (symmetric) {
    high = std::max(-low, high);
    low = -high;
  }
  const double scale = (high - low) / (static_cast<double>(codes.max) - codes.min);
  if (scale < static_cast<double>(std::numeric_limits<float>::min())) return Affine{1.0F, 0};
  const double zero = symmetric ? std::nearbyint((codes.min + codes.max) / 2.0)
                                : std::nearbyint(codes.min - low / scale);
  return Affine{static_cast<float>(scale), static_cast<int32_t>(zero)};
}

Status channel_scales(std::span<const float> rows, size_t k, DType type, ScaleSearch search,
                      std::span<float> scales) {
  if (rows.size() != k * scales.size() || !is_code_type(type) || !is_signed(type)) {
    return bad_input("channel_scales", "rows and scales do not fit, or the type is unsigned");
  }
  const CodeRange codes = codes_of(type, true);
  for (size_t r = 0; r < scales.size(); ++r) {
    const std::span<const float> row = rows.subspan(r * k, k);
    float largest = 0;
    for (size_t i = 0; i < k; ++i) {
      if (!std::isfinite(row[i])) return not_finite(r * k + i);
      largest = std::max(largest, std::fabs(row[i]));
    }
    LAP_ASSIGN_OR_RETURN(const Affine widest, affine_of({-largest, largest}, type, true));
    scales[r] =
        search == ScaleSearch::kMse ? searched_scale(row, widest.scale, codes) : widest.scale;
  }
  return {};
}

size_t packed_bytes(DType type, size_t n) {
  return (n * static_cast<size_t>(bits_of(type)) + 7) / 8;
}

int32_t code_of(float x, const Affine& affine, const CodeRange& codes) {
  // Beyond every code long before the sum leaves what a float holds exactly.
  const float scaled = std::clamp(std::nearbyint(x / affine.scale), -262144.0F, 262144.0F);
  return std::clamp(static_cast<int32_t>(scaled) + affine.zero_point, codes.min, codes.max);
}

void pack(std::span<const int32_t> codes, DType type, std::span<std::byte> packed) {
  const int bits = bits_of(type);
  for (size_t i = 0; i < codes.size(); ++i) {
    const auto code = static_cast<uint32_t>(codes[i]);
    if (bits == 4) {
      const auto nibble = static_cast<std::byte>(code & 15U);
      packed[i / 2] = i % 2 == 0 ? nibble : packed[i / 2] | nibble << 4;
    } else if (bits == 8) {
      packed[i] = static_cast<std::byte>(code & 255U);
    } else {
      packed[2 * i] = static_cast<std::byte>(code & 255U);
      packed[2 * i + 1] = static_cast<std::byte>(code >> 8U & 255U);
    }
  }
}

Status quantize(std::span<const float> x, const Affine& affine, DType type,
                std::span<std::byte> codes) {
  LAP_RETURN_IF_ERROR(check_sizes(type, x.size(), codes.size(), affine));
  const CodeRange range = codes_of(type, false);
  std::array<int32_t, 256> some{};
  for (size_t begin = 0; begin < x.size(); begin += some.size()) {
    const size_t count = std::min(some.size(), x.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      if (!std::isfinite(x[begin + i])) return not_finite(begin + i);
      some[i] = code_of(x[begin + i], affine, range);
    }
    pack(std::span(some).first(count), type,
         codes.subspan(packed_bytes(type, begin), packed_bytes(type, count)));
  }
  return {};
}

Status dequantize(std::span<const std::byte> codes, const Affine& affine, DType type,
                  std::span<float> x) {
  LAP_RETURN_IF_ERROR(check_sizes(type, x.size(), codes.size(), affine));
  const int bits = bits_of(type);
  const bool with_sign = is_signed(type);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] =
        static_cast<float>(unpacked(codes, bits, with_sign, i) - affine.zero_point) * affine.scale;
  }
  return {};
}

}  // namespace lapidary::quant
