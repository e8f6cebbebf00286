#include "engine/coded_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <span>

namespace lapidary::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

package::GraphRecord component() {
  package::GraphRecord out;
  out.name = "encoder";
  out.file = "encoder/model.onnx";
  out.inputs = {{"floats", "float32", {"2"}},
                {"halves", "float16", {"2"}},
                {"codes", "uint16", {"2"}, false, package::PortEncoding{0.5, 100}},
                {"ids", "int32", {"2"}}};
  out.outputs = {{"y", "uint16", {"2"}, false, package::PortEncoding{0.25, 8}}};
  return out;
}

template <typename T>
ort::HostTensor tensor(const char* name, DType type, std::vector<T> values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {name, type, {static_cast<int64_t>(values.size())}, {bytes.begin(), bytes.end()}};
}
template <typename T>
std::vector<T> values(const ort::HostTensor& t) {
  std::vector<T> out(t.data.size() / sizeof(T));
  std::memcpy(out.data(), t.data.data(), t.data.size());
  return out;
}

// Catches integers that are converted as if they were floats, and a port given another's type.
TEST(CodedInputs, BecomeWhatEachPortHolds) {
  const auto out = coded_inputs(component(), {tensor<float>("floats", DType::kFloat, {1, -2}),
                                              tensor<float>("halves", DType::kFloat, {1, -2}),
                                              tensor<float>("codes", DType::kFloat, {1, -2}),
                                              tensor<int32_t>("ids", DType::kInt32, {1, -2})})
                       .value();
  EXPECT_EQ(out[0].type, DType::kFloat);
  EXPECT_THAT(values<float>(out[0]), ElementsAre(1, -2));
  EXPECT_EQ(out[1].type, DType::kFloat16);
  EXPECT_THAT(values<uint16_t>(out[1]), ElementsAre(0x3C00, 0xC000));
  EXPECT_EQ(out[2].type, DType::kUint16);
  EXPECT_THAT(values<uint16_t>(out[2]), ElementsAre(102, 96));
  EXPECT_EQ(out[2].shape, std::vector<int64_t>{2});
  EXPECT_THAT(values<int32_t>(out[3]), ElementsAre(1, -2));
}

TEST(CodedInputs, NameTheTensorWithoutAPort) {
  const auto out = coded_inputs(component(), {tensor<float>("z", DType::kFloat, {1})});
  ASSERT_FALSE(out.ok());
  EXPECT_THAT(out.error().message(), HasSubstr("'z'"));
}

TEST(DecodedOutput, IsInFloats) {
  const auto y = tensor<uint16_t>("y", DType::kUint16, {8, 12});
  EXPECT_THAT(decoded_output(component(), {y}, "y").value(), ElementsAre(0, 1));
}

// Catches bytes read as another type than they have.
TEST(DecodedOutput, OfAnotherTypeIsAnError) {
  const auto y = tensor<float>("y", DType::kFloat, {8, 12});
  EXPECT_FALSE(decoded_output(component(), {y}, "y").ok());
  EXPECT_FALSE(decoded_output(component(), {}, "y").ok());
}

}  // namespace
}  // namespace lapidary::engine
