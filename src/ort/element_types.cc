#include "ort/element_types.h"

#include <fmt/core.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "ort/session.h"
#include "tensor/tensor.h"

namespace lapidary::ort {
namespace {

// ONNX Runtime numbers element types as ONNX does, and so do we.
static_assert(static_cast<int>(DType::kFloat) == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
static_assert(static_cast<int>(DType::kInt64) == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64);
static_assert(static_cast<int>(DType::kBool) == ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL);
static_assert(static_cast<int>(DType::kFloat16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16);
static_assert(static_cast<int>(DType::kInt32) == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32);
static_assert(static_cast<int>(DType::kUint16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16);
static_assert(static_cast<int>(DType::kInt16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16);
static_assert(static_cast<int>(DType::kUint8) == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8);
static_assert(static_cast<int>(DType::kInt8) == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8);
static_assert(static_cast<int>(DType::kBfloat16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16);
static_assert(static_cast<int>(DType::kDouble) == ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE);

DType dtype_of(ONNXTensorElementDataType type) { return static_cast<DType>(type); }

size_t bytes_of_tensor(DType type, const std::vector<int64_t>& shape) {
  return static_cast<size_t>(tensor::element_count(shape)) * element_bytes(type);
}

}  // namespace

bool is_element_type(DType type) {
  switch (type) {
    case DType::kFloat:
    case DType::kFloat16:
    case DType::kBool:
    case DType::kInt64:
    case DType::kInt32:
    case DType::kUint16:
    case DType::kInt16:
    case DType::kUint8:
    case DType::kInt8:
      return true;
    default:
      return false;
  }
}

std::optional<DType> element_type(std::string_view name) {
  const std::optional<DType> type = dtype_named(name);
  return type && is_element_type(*type) ? type : std::nullopt;
}

std::string port_dtype(ONNXTensorElementDataType type) {
  const DType dtype = dtype_of(type);
  if (is_element_type(dtype) || dtype == DType::kBfloat16 || dtype == DType::kDouble) {
    return std::string(name_of(dtype));
  }
  return fmt::format("type {}", static_cast<int>(type));
}

Ort::Value value_of(const TensorView& tensor) {
  if (!is_element_type(tensor.type)) {
    throw std::runtime_error(
        fmt::format("a tensor of {}, which a run cannot be given", name_of(tensor.type)));
  }
  static const Ort::MemoryInfo memory =
      Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  // ONNX Runtime refuses a null pointer even for an empty tensor.
  static std::array<int64_t, 1> nothing{};
  void* data = tensor.data != nullptr ? tensor.data : nothing.data();
  return Ort::Value::CreateTensor(memory, data, bytes_of_tensor(tensor.type, tensor.shape),
                                  tensor.shape.data(), tensor.shape.size(),
                                  static_cast<ONNXTensorElementDataType>(tensor.type));
}

HostTensor host_tensor(const std::string& name, const Ort::Value& value) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  const DType type = dtype_of(info.GetElementType());
  if (!is_element_type(type)) {
    throw std::runtime_error(fmt::format("output '{}' has {}, which cannot be read", name,
                                         port_dtype(info.GetElementType())));
  }
  HostTensor tensor{name, type, info.GetShape(), {}};
  tensor.data.resize(bytes_of_tensor(type, tensor.shape));
  if (!tensor.data.empty()) {
    std::memcpy(tensor.data.data(), value.GetTensorRawData(), tensor.data.size());
  }
  return tensor;
}

// ONNX Runtime only reads an input, but its type does not say so.
// NOLINTBEGIN(cppcoreguidelines-pro-type-const-cast)
TensorView input_view(const HostTensor& tensor) {
  return {tensor.type, const_cast<std::byte*>(tensor.data.data()), tensor.shape};
}
TensorView input_view(std::span<const float> data, std::vector<int64_t> shape) {
  return {DType::kFloat, const_cast<float*>(data.data()), std::move(shape)};
}
TensorView input_view(std::span<const int64_t> data, std::vector<int64_t> shape) {
  return {DType::kInt64, const_cast<int64_t*>(data.data()), std::move(shape)};
}
TensorView input_view(std::span<const uint8_t> data, std::vector<int64_t> shape) {
  return {DType::kBool, const_cast<uint8_t*>(data.data()), std::move(shape)};
}
// NOLINTEND(cppcoreguidelines-pro-type-const-cast)

}  // namespace lapidary::ort
