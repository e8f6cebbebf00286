#include "base/dtype.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace lapidary {
namespace {

const std::vector<DType>& all() {
  static const std::vector<DType> dtypes = {
      DType::kFloat,  DType::kUint8,    DType::kInt8,   DType::kUint16,
      DType::kInt16,  DType::kInt32,    DType::kInt64,  DType::kString,
      DType::kBool,   DType::kFloat16,  DType::kDouble, DType::kUint32,
      DType::kUint64, DType::kBfloat16, DType::kUint4,  DType::kInt4};
  return dtypes;
}

// Would catch a row left out or named twice: a name that is not its own inverse.
TEST(DType, EachHasANameOfItsOwn) {
  for (const DType dtype : all()) {
    EXPECT_EQ(dtype_named(name_of(dtype)), dtype) << name_of(dtype);
  }
  EXPECT_EQ(name_of(DType::kUndefined), "undefined");
  EXPECT_EQ(dtype_named("undefined"), std::nullopt);
  EXPECT_EQ(dtype_named("float"), std::nullopt);
  EXPECT_EQ(dtype_named(""), std::nullopt);
}

// Would catch a table that takes a number of a file for a row of its own.
TEST(DType, NumbersBeyondTheListAreUndefined) {
  const auto float8 = static_cast<DType>(17);
  EXPECT_EQ(name_of(float8), "undefined");
  EXPECT_EQ(bits_of(float8), 0);
  EXPECT_FALSE(is_float(float8));
  EXPECT_FALSE(is_integer(float8));
  EXPECT_EQ(integer_limits(float8), std::nullopt);
}

TEST(DType, SizesRoundUpToWholeBytes) {
  EXPECT_EQ(bytes_of(DType::kInt4, 3), 2);
  EXPECT_EQ(bytes_of(DType::kUint4, 4), 2);
  EXPECT_EQ(bytes_of(DType::kInt4, 0), 0);
  EXPECT_EQ(bytes_of(DType::kFloat16, 3), 6);
  EXPECT_EQ(bytes_of(DType::kBool, 3), 3);
  EXPECT_EQ(bytes_of(DType::kString, 3), 0);
  EXPECT_EQ(element_bytes(DType::kUint4), 1U);
  EXPECT_EQ(element_bytes(DType::kInt64), 8U);
  EXPECT_EQ(element_bytes(DType::kUndefined), 0U);
}

// Would catch a kind that is wrong in one row: bools are neither, signed ones are integers.
TEST(DType, KindsExcludeOneAnother) {
  for (const DType dtype : all()) {
    EXPECT_FALSE(is_float(dtype) && is_integer(dtype)) << name_of(dtype);
    EXPECT_TRUE(is_integer(dtype) || !is_signed(dtype)) << name_of(dtype);
    EXPECT_EQ(is_float(dtype) || is_integer(dtype),
              dtype != DType::kString && dtype != DType::kBool)
        << name_of(dtype);
  }
  EXPECT_TRUE(is_float(DType::kBfloat16));
  EXPECT_TRUE(is_signed(DType::kInt4));
  EXPECT_FALSE(is_signed(DType::kUint32));
}

template <typename T>
IntegerLimits range_of() {
  return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
}

// Would catch a range that is off by one or overflows at 32 or 64 bits.
TEST(DType, RangesAreThoseOfTheTypes) {
  EXPECT_EQ(integer_limits(DType::kInt4), (IntegerLimits{-8, 7}));
  EXPECT_EQ(integer_limits(DType::kUint4), (IntegerLimits{0, 15}));
  EXPECT_EQ(integer_limits(DType::kInt8), range_of<int8_t>());
  EXPECT_EQ(integer_limits(DType::kUint8), range_of<uint8_t>());
  EXPECT_EQ(integer_limits(DType::kInt16), range_of<int16_t>());
  EXPECT_EQ(integer_limits(DType::kUint16), range_of<uint16_t>());
  EXPECT_EQ(integer_limits(DType::kInt32), range_of<int32_t>());
  EXPECT_EQ(integer_limits(DType::kUint32), range_of<uint32_t>());
  EXPECT_EQ(integer_limits(DType::kInt64), range_of<int64_t>());
  EXPECT_EQ(integer_limits(DType::kUint64), std::nullopt);
  EXPECT_EQ(integer_limits(DType::kBool), std::nullopt);
  EXPECT_EQ(integer_limits(DType::kFloat), std::nullopt);
}

}  // namespace
}  // namespace lapidary
