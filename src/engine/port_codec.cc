#include "engine/port_codec.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/float_types.h"

namespace lapidary::engine {
namespace {

// Rounds to even what lies within 2^22, in a form that compilers vectorize.
float round_to_even(float value) {
  constexpr float kShift = 12582912.0F;  // 1.5 * 2^23: here a float's last bit is worth 1
  return (value + kShift) - kShift;
}

template <typename T>
void quantize(std::span<const float> values, float scale, int32_t zero_point, std::byte* out) {
  const auto lowest = static_cast<float>(int32_t{std::numeric_limits<T>::min()} - zero_point);
  const auto highest = static_cast<float>(int32_t{std::numeric_limits<T>::max()} - zero_point);
  for (const float value : values) {
    float code = value / scale;
    code = code > lowest ? code : lowest;  // NaN too
    code = code < highest ? code : highest;
    const auto element = static_cast<T>(static_cast<int32_t>(round_to_even(code)) + zero_point);
    std::memcpy(out, &element, sizeof element);
    out += sizeof element;
  }
}

template <typename T>
void dequantize(const std::byte* elements, float scale, int32_t zero_point, std::span<float> out) {
  for (float& value : out) {
    T element{};
    std::memcpy(&element, elements, sizeof element);
    value = static_cast<float>(int32_t{element} - zero_point) * scale;
    elements += sizeof element;
  }
}

struct IntegerLimits {
  int64_t min, max;
};
std::optional<IntegerLimits> limits_of(DType type) {
  switch (type) {
    case DType::kUint16:
      return IntegerLimits{0, 65535};
    case DType::kInt16:
      return IntegerLimits{-32768, 32767};
    case DType::kUint8:
      return IntegerLimits{0, 255};
    case DType::kInt8:
      return IntegerLimits{-128, 127};
    default:
      return std::nullopt;
  }
}

}  // namespace

PortCodec::PortCodec(DType type, const package::PortEncoding& encoding)
    : type_(type),
      scale_(static_cast<float>(encoding.scale)),
      zero_point_(static_cast<int32_t>(encoding.zero_point)) {}

Result<PortCodec> PortCodec::create(const std::string& dtype,
                                    const std::optional<package::PortEncoding>& encoding,
                                    const std::string& where) {
  constexpr const char* kRemedy = "build the package again";
  const std::optional<DType> type = ort::element_type(dtype);
  if (type == DType::kFloat || type == DType::kFloat16) {
    if (!encoding) return PortCodec(*type, {});
    return bad_input(where, fmt::format("is {}, but has an encoding for integers", dtype), kRemedy);
  }
  const std::optional<IntegerLimits> limits = type ? limits_of(*type) : std::nullopt;
  if (!limits) {
    return bad_input(where, fmt::format("is {}, which no static decoder takes", dtype), kRemedy);
  }
  if (!encoding) return bad_input(where, fmt::format("is {}, but has no encoding", dtype), kRemedy);
  const int64_t zero = encoding->zero_point;
  const auto scale = static_cast<float>(encoding->scale);
  const bool usable =
      scale >= std::numeric_limits<float>::min() && scale <= std::numeric_limits<float>::max();
  if (zero < limits->min || zero > limits->max || !usable) {
    return bad_input(where, fmt::format("has an encoding that {} cannot have", dtype), kRemedy);
  }
  return PortCodec(*type, *encoding);
}

void PortCodec::encode(std::span<const float> values, std::byte* out) const {
  switch (type_) {
    case DType::kUint16:
      return quantize<uint16_t>(values, scale_, zero_point_, out);
    case DType::kInt16:
      return quantize<int16_t>(values, scale_, zero_point_, out);
    case DType::kUint8:
      return quantize<uint8_t>(values, scale_, zero_point_, out);
    case DType::kInt8:
      return quantize<int8_t>(values, scale_, zero_point_, out);
    case DType::kFloat16:
      for (const float value : values) {
        const uint16_t half = float_to_float16(value);
        std::memcpy(out, &half, sizeof half);
        out += sizeof half;
      }
      return;
    default:  // kFloat32; create() lets no other through
      std::memcpy(out, values.data(), values.size_bytes());
  }
}

void PortCodec::decode(const std::byte* elements, std::span<float> out) const {
  switch (type_) {
    case DType::kUint16:
      return dequantize<uint16_t>(elements, scale_, zero_point_, out);
    case DType::kInt16:
      return dequantize<int16_t>(elements, scale_, zero_point_, out);
    case DType::kUint8:
      return dequantize<uint8_t>(elements, scale_, zero_point_, out);
    case DType::kInt8:
      return dequantize<int8_t>(elements, scale_, zero_point_, out);
    case DType::kFloat16:
      for (float& value : out) {
        uint16_t half = 0;
        std::memcpy(&half, elements, sizeof half);
        value = float16_to_float(half);
        elements += sizeof half;
      }
      return;
    default:
      std::memcpy(out.data(), elements, out.size_bytes());
  }
}

}  // namespace lapidary::engine
