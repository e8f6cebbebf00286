#include "base/dtype.h"

#include <array>

namespace lapidary {
namespace {

enum class Kind { kFloat, kSigned, kUnsigned, kOther };

struct DTypeRow {
  DType dtype;
  std::string_view name;
  int bits;
  Kind kind;
};

constexpr std::array kRows = {
    DTypeRow{DType::kFloat, "float32", 32, Kind::kFloat},
    DTypeRow{DType::kUint8, "uint8", 8, Kind::kUnsigned},
    DTypeRow{DType::kInt8, "int8", 8, Kind::kSigned},
    DTypeRow{DType::kUint16, "uint16", 16, Kind::kUnsigned},
    DTypeRow{DType::kInt16, "int16", 16, Kind::kSigned},
    DTypeRow{DType::kInt32, "int32", 32, Kind::kSigned},
    DTypeRow{DType::kInt64, "int64", 64, Kind::kSigned},
    DTypeRow{DType::kString, "string", 0, Kind::kOther},
    DTypeRow{DType::kBool, "bool", 8, Kind::kOther},
    DTypeRow{DType::kFloat16, "float16", 16, Kind::kFloat},
    DTypeRow{DType::kDouble, "float64", 64, Kind::kFloat},
    DTypeRow{DType::kUint32, "uint32", 32, Kind::kUnsigned},
    DTypeRow{DType::kUint64, "uint64", 64, Kind::kUnsigned},
    DTypeRow{DType::kBfloat16, "bfloat16", 16, Kind::kFloat},
    DTypeRow{DType::kUint4, "uint4", 4, Kind::kUnsigned},
    DTypeRow{DType::kInt4, "int4", 4, Kind::kSigned},
};

constexpr DTypeRow kUnknown = {DType::kUndefined, "undefined", 0, Kind::kOther};

const DTypeRow& row_of(DType dtype) {
  for (const DTypeRow& row : kRows) {
    if (row.dtype == dtype) return row;
  }
  return kUnknown;
}

}  // namespace

int bits_of(DType dtype) { return row_of(dtype).bits; }

int64_t bytes_of(DType dtype, int64_t elements) { return (elements * bits_of(dtype) + 7) / 8; }

size_t element_bytes(DType dtype) { return static_cast<size_t>(bytes_of(dtype, 1)); }

bool is_float(DType dtype) { return row_of(dtype).kind == Kind::kFloat; }

bool is_integer(DType dtype) {
  const Kind kind = row_of(dtype).kind;
  return kind == Kind::kSigned || kind == Kind::kUnsigned;
}

bool is_signed(DType dtype) { return row_of(dtype).kind == Kind::kSigned; }

std::optional<IntegerLimits> integer_limits(DType dtype) {
  if (!is_integer(dtype) || dtype == DType::kUint64) return std::nullopt;
  const int bits = bits_of(dtype);
  if (!is_signed(dtype)) return IntegerLimits{0, (int64_t{1} << bits) - 1};
  const int64_t half_less_one = static_cast<int64_t>((uint64_t{1} << (bits - 1)) - 1);
  return IntegerLimits{-half_less_one - 1, half_less_one};
}

std::string_view name_of(DType dtype) { return row_of(dtype).name; }

std::optional<DType> dtype_named(std::string_view name) {
  for (const DTypeRow& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

}  // namespace lapidary
