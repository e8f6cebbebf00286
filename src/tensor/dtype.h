// Element types of tensors: the ones that checkpoints hold and ONNX files may carry.
#pragma once

#include <cstdint>
#include <string_view>

namespace lapidary::tensor {

// Values are those of onnx.TensorProto.DataType (onnx.proto), so that a cast is a conversion.
enum class DType : int32_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
  kUint4 = 21,
  kInt4 = 22,
};

// Bits per element; 0 for kUndefined and kString. 4-bit types are packed two a byte, low nibble
// first.
int bits_of(DType dtype);
// Bytes that `elements` packed elements take, the last byte padded.
int64_t bytes_of(DType dtype, int64_t elements);
bool is_float(DType dtype);
// "float32", "bfloat16", "uint4", ... as ONNX's documentation spells them.
std::string_view name_of(DType dtype);

}  // namespace lapidary::tensor
