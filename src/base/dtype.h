// Element types of tensors: the ones that checkpoints hold, ONNX files may carry, sessions run on
// and quantization codes have. One enum for all of them; who takes only some says so.
//
//   const int64_t bytes = bytes_of(DType::kInt4, 3);  // 2: two codes a byte, the last byte padded
//   const IntegerLimits codes = *integer_limits(DType::kInt4);  // -8 to 7
//   const std::optional<DType> type = dtype_named("uint16");    // name_of is the inverse
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lapidary {

// Values are those of onnx.TensorProto.DataType (onnx.proto), so that a cast is a conversion. A
// file may hold numbers beyond this list (float8, complex): every function takes them as it does
// kUndefined.
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
  kBool = 9,  // one byte, 0 or 1
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
// Bytes of one element that stands alone; 0 for kUndefined and kString.
size_t element_bytes(DType dtype);

bool is_float(DType dtype);
bool is_integer(DType dtype);  // not kBool
bool is_signed(DType dtype);   // integers that hold negative ones

struct IntegerLimits {
  int64_t min = 0, max = 0;
  bool operator==(const IntegerLimits&) const = default;
};
// The smallest and the largest value of an integer type; nothing for other types, and for kUint64,
// whose largest an int64 does not hold.
std::optional<IntegerLimits> integer_limits(DType dtype);

// "float32", "bfloat16", "uint4", ... as ONNX's documentation spells them; "undefined".
std::string_view name_of(DType dtype);
// The dtype of such a name; nothing for other names, "undefined" among them.
std::optional<DType> dtype_named(std::string_view name);

}  // namespace lapidary
