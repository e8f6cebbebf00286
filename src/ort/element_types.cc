#include "ort/element_types.h"

#include <array>
#include <cstring>
#include <stdexcept>

#include "ort/session.h"
#include "tensor/tensor.h"

namespace lapidary::ort {
namespace {

struct TypeRow {
  DType type;
  ONNXTensorElementDataType ort;
  std::string_view name;
  size_t size;
};

constexpr std::array kTypes = {
    TypeRow{DType::kFloat, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, "float32", 4},
    TypeRow{DType::kInt64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, "int64", 8},
    TypeRow{DType::kBool, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, "bool", 1},
    TypeRow{DType::kFloat16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, "float16", 2},
    TypeRow{DType::kInt32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, "int32", 4},
    TypeRow{DType::kUint16, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, "uint16", 2},
    TypeRow{DType::kInt16, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, "int16", 2},
    TypeRow{DType::kUint8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, "uint8", 1},
    TypeRow{DType::kInt8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, "int8", 1},
};

const TypeRow& row(DType type) {
  for (const TypeRow& entry : kTypes) {
    if (entry.type == type) return entry;
  }
  return kTypes.front();  // every DType has a row
}

const TypeRow* row(ONNXTensorElementDataType type) {
  for (const TypeRow& entry : kTypes) {
    if (entry.ort == type) return &entry;
  }
  return nullptr;
}

size_t bytes_of(const TypeRow& entry, const std::vector<int64_t>& shape) {
  return static_cast<size_t>(tensor::element_count(shape)) * entry.size;
}

}  // namespace

size_t size_of(DType type) { return row(type).size; }
std::string_view name_of(DType type) { return row(type).name; }

std::optional<DType> element_type(std::string_view name) {
  for (const TypeRow& entry : kTypes) {
    if (entry.name == name) return entry.type;
  }
  return std::nullopt;
}

std::string port_dtype(ONNXTensorElementDataType type) {
  if (const TypeRow* entry = row(type)) return std::string(entry->name);
  if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16) return "bfloat16";
  if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE) return "float64";
  return "type " + std::to_string(static_cast<int>(type));
}

Ort::Value value_of(const TensorView& tensor) {
  static const Ort::MemoryInfo memory =
      Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  // ONNX Runtime refuses a null pointer even for an empty tensor.
  static std::array<int64_t, 1> nothing{};
  void* data = tensor.data != nullptr ? tensor.data : nothing.data();
  const TypeRow& entry = row(tensor.type);
  return Ort::Value::CreateTensor(memory, data, bytes_of(entry, tensor.shape), tensor.shape.data(),
                                  tensor.shape.size(), entry.ort);
}

HostTensor host_tensor(const std::string& name, const Ort::Value& value) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  const TypeRow* entry = row(info.GetElementType());
  if (entry == nullptr) {
    throw std::runtime_error("output '" + name + "' has " + port_dtype(info.GetElementType()) +
                             ", which cannot be read");
  }
  HostTensor tensor{name, entry->type, info.GetShape(), {}};
  tensor.data.resize(bytes_of(*entry, tensor.shape));
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
