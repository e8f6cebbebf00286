// What BlockQuantToLpbq does with constants that it cannot use; its results are tested in
// tests/convert_test.cc.
#include "passes/lpbq/block_quant_to_lpbq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "passes/test_graphs.h"
#include "tensor/expressions.h"
#include "tensor/testing/unreadable.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using tensor::Tensor;
using ::testing::AllOf;
using ::testing::HasSubstr;

Tensor zeros(DType dtype, tensor::Shape shape) {
  const tensor::TensorType type{dtype, std::move(shape)};
  return tensor::literal(type, std::vector<std::byte>(static_cast<size_t>(type.bytes())));
}

// y = x w + bias on 16-bit codes, w [64, 16] in blocks of 32.
Graph product() {
  Graph graph;
  graph.name = "g";
  graph.opsets = {{"", 21}};
  graph.inputs = {{"x", DType::kUint16, {int64_t{1}, int64_t{64}}}};
  graph.outputs = {{"y", DType::kUint16, {int64_t{1}, int64_t{16}}}};
  graph.initializers = {{"w", zeros(DType::kInt4, {64, 16})},
                        {"w_scale", tensor::floats({2, 16}, std::vector<float>(32, 0.5F))},
                        {"x_scale", tensor::scalar(0.25F)},
                        {"x_zero", zeros(DType::kUint16, {})},
                        {"y_scale", tensor::scalar(0.25F)},
                        {"y_zero", zeros(DType::kUint16, {})},
                        {"bias", tensor::floats({16}, std::vector<float>(16, 1.0F))}};
  graph.nodes = {
      {"", "DequantizeLinear", "x_dq", {"x", "x_scale", "x_zero"}, {"xf"}, {}},
      {"",
       "DequantizeLinear",
       "w_dq",
       {"w", "w_scale"},
       {"wf"},
       {{"axis", int64_t{0}}, {"block_size", int64_t{32}}}},
      {"", "Gemm", "product", {"xf", "wf", "bias"}, {"yf"}, {}},
      {"", "QuantizeLinear", "y_q", {"yf", "y_scale", "y_zero"}, {"y"}, {}},
  };
  return graph;
}

std::string error_with(const std::string& constant, Tensor value) {
  Graph graph = product();
  graph.initializers[constant] = std::move(value);
  const auto outcome = block_quant_to_lpbq(std::move(graph), {}, htp());
  return outcome.ok() ? "" : outcome.error().message();
}

TEST(BlockQuantToLpbq, ConvertsTheProductOfThisTest) {
  const auto outcome = block_quant_to_lpbq(product(), {}, htp());
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  EXPECT_EQ(outcome->rewritten, 1);
}

// Catches a product that is left as it is, or goes on with a scale of 1, because of a damaged file.
TEST(BlockQuantToLpbq, ConstantsThatCannotBeReadAreErrorsThatNameThem) {
  for (const char* scale : {"x_scale", "y_scale"}) {
    EXPECT_THAT(error_with(scale, tensor::unreadable(DType::kFloat, {})),
                AllOf(HasSubstr("'" + std::string(scale) + "'"), HasSubstr("ends early")));
  }
  for (const char* zero : {"x_zero", "y_zero"}) {
    EXPECT_THAT(error_with(zero, tensor::unreadable(DType::kUint16, {})),
                AllOf(HasSubstr("'" + std::string(zero) + "'"), HasSubstr("ends early")));
  }
  EXPECT_THAT(error_with("bias", tensor::unreadable(DType::kFloat, {16})),
              AllOf(HasSubstr("'bias'"), HasSubstr("ends early")));
}

// No encoding covers a range that is not finite.
TEST(BlockQuantToLpbq, ScalesAndBiasesThatAreNotFiniteAreErrorsThatNameTheValue) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(error_with("y_scale", tensor::scalar(bad)),
                AllOf(HasSubstr("'w_product'"), HasSubstr("is not a range of finite numbers")));
    EXPECT_THAT(error_with("bias", tensor::floats({16}, std::vector<float>(16, bad))),
                AllOf(HasSubstr("'w_product'"), HasSubstr("is not a range of finite numbers")));
  }
}

}  // namespace
}  // namespace lapidary::passes
