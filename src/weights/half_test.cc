// float16 with Olive's clamping.
#include "weights/half.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/float_types.h"
#include "tensor/expressions.h"
#include "weights/testing/random_weights.h"

namespace lapidary::weights {
namespace {

using tensor::Tensor;
using ::testing::ElementsAre;

// Olive's clamping: nothing but 0 becomes 0, nothing finite becomes infinite.
TEST(HalfWeight, Clamps) {
  const std::vector<float> in = {0.0f, 1e-9f, -1e-9f, 0.1f, 70000.0f, -2e4f, 9999.0f};
  const tensor::Tensor half = half_weight(tensor::floats({7}, in), 1e-7, 1e4);
  const auto bytes = half.materialize();
  ASSERT_TRUE(bytes.ok());
  std::vector<float> out;
  for (size_t i = 0; i < in.size(); ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, bytes->data() + 2 * i, 2);
    out.push_back(float16_to_float(bits));
  }
  const float smallest = float16_to_float(lapidary::float_to_float16(1e-7f));
  EXPECT_THAT(out, ElementsAre(0.0f, smallest, -smallest,
                               float16_to_float(lapidary::float_to_float16(0.1f)), 1e4f, -1e4f,
                               float16_to_float(lapidary::float_to_float16(9999.0f))));
  EXPECT_GT(smallest, 0.0f);
}

// A NaN that became the largest number would go unnoticed.
TEST(HalfWeight, KeepsWhatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Tensor weight =
      tensor::floats({3}, {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity});
  const std::vector<float> out = half_weight(weight, 1e-7, 1e4).to_floats().value();
  ASSERT_EQ(out.size(), 3U);
  EXPECT_TRUE(std::isnan(out[0]));
  EXPECT_EQ(out[1], kInfinity);
  EXPECT_EQ(out[2], -kInfinity);
}

TEST(HalfWeight, GroupsOfRowsDoNotShow) {
  const std::vector<float> values = test_weights(300 * 1000, 3);
  std::vector<float> expected(values.size());
  std::transform(values.begin(), values.end(), expected.begin(),
                 [](float x) { return float16_to_float(float_to_float16(x)); });
  const Tensor half = half_weight(tensor::floats({300, 1000}, values), 1e-30, 1e4);
  EXPECT_EQ(half.type(), (tensor::TensorType{DType::kFloat16, {300, 1000}}));
  EXPECT_EQ(half.to_floats().value(), expected);
}

}  // namespace
}  // namespace lapidary::weights
