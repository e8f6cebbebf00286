#include "tensor/npy.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace lapidary::tensor {
namespace {

// The bytes that numpy.save (2.4) writes for np.array([[1, 2, 3], [4, 5, 6]], "float32").
TEST(Npy, MatrixEqualsNumpysFile) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const auto file = npy_bytes({DType::kFloat, {2, 3}}, std::as_bytes(std::span(values)));
  ASSERT_TRUE(file.ok()) << file.error().message();
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  expected.resize(127, ' ');
  expected += '\n';
  expected.append(reinterpret_cast<const char*>(values.data()), 24);
  EXPECT_EQ(*file, expected);
}

// Catches "(3)" , which Python reads as a number, and a wrong descr.
TEST(Npy, VectorsAndScalarsAreTuples) {
  const std::vector<uint8_t> mask = {1, 0, 1};
  const auto vector = npy_bytes({DType::kBool, {3}}, std::as_bytes(std::span(mask)));
  ASSERT_TRUE(vector.ok());
  EXPECT_NE(vector->find("'|b1', 'fortran_order': False, 'shape': (3,), }"), std::string::npos);
  EXPECT_EQ(vector->size() % 64, 3u);
  const int64_t one = 7;
  const auto scalar = npy_bytes({DType::kInt64, {}}, std::as_bytes(std::span(&one, 1)));
  ASSERT_TRUE(scalar.ok());
  EXPECT_NE(scalar->find("'<i8', 'fortran_order': False, 'shape': (), }"), std::string::npos);
}

// A header as long as a multiple of 64 needs no padding; one byte more needs 63.
TEST(Npy, ValuesBeginAtAMultipleOf64) {
  for (size_t dims = 1; dims < 40; ++dims) {
    const float value = 1;
    const Shape shape(dims, 1);
    const auto file = npy_bytes({DType::kFloat, shape}, std::as_bytes(std::span(&value, 1)));
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(file->size() % 64, 4u) << dims;
    EXPECT_EQ((*file)[file->size() - 5], '\n');
  }
}

TEST(Npy, RefusesWhatItCannotWrite) {
  const std::vector<float> values = {1, 2};
  EXPECT_FALSE(npy_bytes({DType::kFloat, {3}}, std::as_bytes(std::span(values))).ok());
  const auto bfloat = npy_bytes({DType::kBfloat16, {4}}, std::as_bytes(std::span(values)));
  ASSERT_FALSE(bfloat.ok());
  EXPECT_EQ(bfloat.error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace lapidary::tensor
