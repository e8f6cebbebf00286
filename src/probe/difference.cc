#include "probe/difference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/float_types.h"

namespace lapidary::probe {
namespace {

template <typename T>
T element(const ort::HostTensor& tensor, size_t index) {
  T value{};
  std::memcpy(&value, tensor.data.data() + index * sizeof(T), sizeof(T));
  return value;
}

double value_at(const ort::HostTensor& tensor, size_t index) {
  switch (tensor.type) {
    case DType::kFloat:
      return static_cast<double>(element<float>(tensor, index));
    case DType::kFloat16:
      return static_cast<double>(float16_to_float(element<uint16_t>(tensor, index)));
    case DType::kInt64:
      return static_cast<double>(element<int64_t>(tensor, index));
    case DType::kInt32:
      return element<int32_t>(tensor, index);
    case DType::kUint16:
      return element<uint16_t>(tensor, index);
    case DType::kInt16:
      return element<int16_t>(tensor, index);
    case DType::kInt8:
      return element<int8_t>(tensor, index);
    default:  // kBool and kUint8
      break;
  }
  return element<uint8_t>(tensor, index);
}

bool must_be_equal(DType type) {
  return type == DType::kInt64 || type == DType::kInt32 || type == DType::kBool;
}

}  // namespace

Result<Difference> compare(const ort::HostTensor& measured, const ort::HostTensor& reference,
                           double zero_point) {
  if (measured.name != reference.name || measured.type != reference.type ||
      measured.shape != reference.shape || measured.data.size() != reference.data.size()) {
    return internal_error(reference.name, "the accelerator's output has another dtype or shape");
  }
  double difference = 0;
  double norm_a = 0;
  double norm_b = 0;
  double product = 0;
  Difference out;
  const size_t count = reference.data.size() / element_bytes(reference.type);
  size_t compared = 0;
  for (size_t i = 0; i < count; ++i) {
    const double a = value_at(measured, i) - zero_point;
    const double b = value_at(reference, i) - zero_point;
    if (!std::isfinite(b)) continue;
    ++compared;
    if (!std::isfinite(a)) {
      out.finite = false;
      continue;
    }
    difference += (a - b) * (a - b);
    norm_a += a * a;
    norm_b += b * b;
    product += a * b;
  }
  if (compared == 0 && count > 0) {
    return internal_error(reference.name, "the reference holds no finite value to compare with");
  }
  if (must_be_equal(reference.type)) {
    out.relative_error = difference > 0 ? std::max(1.0, std::sqrt(difference / (norm_b + 1))) : 0;
  } else {
    out.relative_error = std::sqrt(norm_b > 0 ? difference / norm_b : difference);
  }
  const double scale = std::sqrt(norm_a) * std::sqrt(norm_b);
  if (scale > 0) out.cosine = product / scale;
  if (scale == 0 && difference > 0) out.cosine = 0;
  return out;
}

}  // namespace lapidary::probe
