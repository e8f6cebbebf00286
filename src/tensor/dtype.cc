#include "base/dtype.h"

#include <array>

namespace lapidary::tensor {
namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  int bits;
  bool is_float;
};

constexpr std::array kRows = {
    DTypeRow{DType::kFloat, "float32", 32, true},  DTypeRow{DType::kUint8, "uint8", 8, false},
    DTypeRow{DType::kInt8, "int8", 8, false},      DTypeRow{DType::kUint16, "uint16", 16, false},
    DTypeRow{DType::kInt16, "int16", 16, false},   DTypeRow{DType::kInt32, "int32", 32, false},
    DTypeRow{DType::kInt64, "int64", 64, false},   DTypeRow{DType::kString, "string", 0, false},
    DTypeRow{DType::kBool, "bool", 8, false},      DTypeRow{DType::kFloat16, "float16", 16, true},
    DTypeRow{DType::kDouble, "float64", 64, true}, DTypeRow{DType::kUint32, "uint32", 32, false},
    DTypeRow{DType::kUint64, "uint64", 64, false}, DTypeRow{DType::kBfloat16, "bfloat16", 16, true},
    DTypeRow{DType::kUint4, "uint4", 4, false},    DTypeRow{DType::kInt4, "int4", 4, false},
};

const DTypeRow* row_of(DType dtype) {
  for (const DTypeRow& row : kRows) {
    if (row.dtype == dtype) return &row;
  }
  return nullptr;
}

}  // namespace

int bits_of(DType dtype) {
  const DTypeRow* row = row_of(dtype);
  return row == nullptr ? 0 : row->bits;
}

int64_t bytes_of(DType dtype, int64_t elements) { return (elements * bits_of(dtype) + 7) / 8; }

bool is_float(DType dtype) {
  const DTypeRow* row = row_of(dtype);
  return row != nullptr && row->is_float;
}

std::string_view name_of(DType dtype) {
  const DTypeRow* row = row_of(dtype);
  return row == nullptr ? "undefined" : row->name;
}

}  // namespace lapidary::tensor
