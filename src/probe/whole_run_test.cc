#include "probe/whole_run.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include "tensor/expressions.h"
#include "tensor/testing/unreadable.h"

namespace lapidary::probe {
namespace {

using graph::Graph;

template <typename T>
std::vector<T> codes_of(const ort::HostTensor& tensor) {
  std::vector<T> codes(tensor.data.size() / sizeof(T));
  std::memcpy(codes.data(), tensor.data.data(), tensor.data.size());
  return codes;
}

tensor::Tensor zero_point(uint16_t value) {
  std::vector<std::byte> bytes(sizeof(value));
  std::memcpy(bytes.data(), &value, sizeof(value));
  return tensor::literal({DType::kUint16, {}}, std::move(bytes));
}

// hidden (zero point 30000), mask (65535) and past (int16) as a static decoder takes them.
Graph three_ports() {
  Graph graph;
  graph.inputs = {{"hidden", DType::kUint16, {int64_t{4000}}},
                  {"mask", DType::kUint16, {int64_t{400}}},
                  {"past", DType::kInt16, {int64_t{4000}}}};
  graph.initializers["scale"] = tensor::scalar(1.0f);
  graph.initializers["inside"] = zero_point(30000);
  graph.initializers["top"] = zero_point(65535);
  graph.nodes = {{"", "DequantizeLinear", "h", {"hidden", "scale", "inside"}, {"hf"}, {}},
                 {"", "DequantizeLinear", "m", {"mask", "scale", "top"}, {"mf"}, {}},
                 {"", "DequantizeLinear", "p", {"past", "scale"}, {"pf"}, {}}};
  return graph;
}

// Catches masks of values between: rows that see every key a little, as none does in a decoder.
TEST(WholeRun, MasksAreOnOrOff) {
  const auto inputs = inputs_over_codes(three_ports(), 1);
  ASSERT_TRUE(inputs.ok()) << inputs.error().message();
  const auto mask = codes_of<uint16_t>((*inputs)[1]);
  EXPECT_EQ(std::set<uint16_t>(mask.begin(), mask.end()), (std::set<uint16_t>{0, 65535}));
}

// Catches codes of the wrong sign or width, and ranges that are not used.
TEST(WholeRun, OtherCodesAreSpreadOverTheirRange) {
  const auto inputs = inputs_over_codes(three_ports(), 1);
  ASSERT_TRUE(inputs.ok()) << inputs.error().message();
  double sum = 0;
  double squares = 0;
  const auto past = codes_of<int16_t>((*inputs)[2]);
  for (const int16_t code : past) {
    sum += code;
    squares += double{1} * code * code;
  }
  const auto count = static_cast<double>(past.size());
  EXPECT_NEAR(sum / count, 0, 500);
  EXPECT_NEAR(std::sqrt(squares / count), 8192, 400);
  double hidden = 0;
  for (const uint16_t code : codes_of<uint16_t>((*inputs)[0])) hidden += code;
  EXPECT_NEAR(hidden / 4000, 32768, 500);
}

// Catches codes that are compared around 0 because their zero point could not be read.
TEST(WholeRun, AZeroPointThatCannotBeReadIsAnError) {
  Graph graph = three_ports();
  graph.initializers["top"] = tensor::unreadable(DType::kUint16, {});
  EXPECT_FALSE(inputs_over_codes(graph, 1).ok());
}

TEST(WholeRun, EqualSeedsGiveEqualInputs) {
  const auto one = inputs_over_codes(three_ports(), 7);
  const auto same = inputs_over_codes(three_ports(), 7);
  const auto other = inputs_over_codes(three_ports(), 8);
  EXPECT_EQ((*one)[0].data, (*same)[0].data);
  EXPECT_NE((*one)[0].data, (*other)[0].data);
}

TEST(WholeRun, OneOutputThatIsOffFailsTheRun) {
  WholeRun run;
  run.outputs = {{"a", "", {1.0, 0.0, true}}, {"b", "", {0.99995, 0.01, true}}};
  EXPECT_TRUE(run.passed());
  EXPECT_DOUBLE_EQ(run.lowest_cosine(), 0.99995);
  run.outputs[1].difference = {0.9998, 0.02, true};
  EXPECT_FALSE(run.passed());
  run.outputs[1].difference = {1.0, 0.5, true};  // half of the value: a wrong scale
  EXPECT_FALSE(run.passed());
  run.outputs[1].difference = {1.0, 0.0, false};
  EXPECT_FALSE(run.passed());
}

}  // namespace
}  // namespace lapidary::probe
