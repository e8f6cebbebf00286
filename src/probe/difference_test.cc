#include "probe/difference.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

namespace lapidary::probe {
namespace {

template <typename T>
ort::HostTensor tensor(DType type, const std::vector<T>& values) {
  ort::HostTensor out{"y", type, {static_cast<int64_t>(values.size())}, {}};
  out.data.resize(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(out.data.data(), values.data(), out.data.size());
  return out;
}
ort::HostTensor floats(const std::vector<float>& values) { return tensor(DType::kFloat, values); }

TEST(Difference, OfFloats) {
  EXPECT_EQ(compare(floats({3, 4}), floats({3, 4}))->relative_error, 0);
  EXPECT_NEAR(compare(floats({3, 5}), floats({3, 4}))->relative_error, 0.2, 1e-9);
  EXPECT_NEAR(compare(floats({-3, -4}), floats({3, 4}))->cosine, -1, 1e-9);
  EXPECT_NEAR(compare(floats({0, 2}), floats({0, 0}))->relative_error, 2, 1e-9);
  EXPECT_EQ(compare(floats({0, 0}), floats({3, 4}))->cosine, 0);
}

TEST(Difference, WhatIsNotFiniteCountsAgainstTheMeasuredOnly) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(compare(floats({1, inf}), floats({1, 2}))->finite);
  EXPECT_TRUE(compare(floats({1, 7}), floats({1, inf}))->finite);
}

// Catches a reference of NaN, against which everything would be right.
TEST(Difference, NothingComparedIsAnError) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(compare(floats({1, 2}), floats({nan, nan})).ok());
  EXPECT_FALSE(compare(floats({nan}), floats({nan})).ok());
  EXPECT_FALSE(compare(floats({nan, 2}), floats({1, 2}))->finite);
  EXPECT_TRUE(compare(floats({}), floats({})).ok());
}

// Catches codes near their zero point that look right because all codes are large.
TEST(Difference, CodesAreDistancesFromTheZeroPoint) {
  const auto codes = [](std::vector<uint16_t> v) { return tensor(DType::kUint16, v); };
  EXPECT_NEAR(compare(codes({32769}), codes({32770}), 32768)->relative_error, 0.5, 1e-9);
}

TEST(Difference, IndicesMustBeEqual) {
  const auto indices = [](std::vector<int64_t> v) { return tensor(DType::kInt64, v); };
  EXPECT_EQ(compare(indices({100000}), indices({100000}))->relative_error, 0);
  EXPECT_GE(compare(indices({100001}), indices({100000}))->relative_error, 1);
}

TEST(Difference, AnotherShapeIsAnError) { EXPECT_FALSE(compare(floats({1}), floats({1, 2})).ok()); }

}  // namespace
}  // namespace lapidary::probe
