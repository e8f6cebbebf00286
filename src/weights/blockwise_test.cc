// Weights in blocks as lazy tensors. That the arithmetic is Olive's is tested in quant/.
#include "weights/blockwise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/testing/compare.h"
#include "tensor/expressions.h"
#include "weights/testing/random_weights.h"

namespace lapidary::weights {
namespace {

using quant::Layout;
using tensor::Tensor;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kN = 6;
constexpr int64_t kK = 80;  // the last block of 32 is short
constexpr size_t kZero = 5;

std::vector<float> values() {
  std::vector<float> out = test_weights(kN * kK, 4);
  out[kZero] = 0;
  return out;
}

WeightFormat format(QuantMethod method, int bits, bool symmetric,
                    Layout layout = Layout::kMatMulNBits) {
  return {.method = method,
          .block = {.bits = bits, .block_size = 32, .symmetric = symmetric, .layout = layout}};
}

std::vector<uint8_t> bytes_in(const Tensor& tensor) {
  std::vector<uint8_t> out;
  const std::vector<std::byte> bytes = tensor.materialize().value();
  for (const std::byte each : bytes) out.push_back(std::to_integer<uint8_t>(each));
  return out;
}

// What the three tensors stand for.
std::vector<float> meaning(const BlockwiseWeight& w, const WeightFormat& format) {
  const std::vector<uint8_t> codes = bytes_in(w.codes);
  const std::vector<float> scales = w.scales.to_floats().value();
  std::vector<uint8_t> zero_points;
  if (w.zero_points.valid()) zero_points = bytes_in(w.zero_points);
  std::vector<float> out(static_cast<size_t>(kN * kK));
  const Status read = quant::dequantize_rows({codes, scales, zero_points}, kK, format.block, out);
  EXPECT_TRUE(read.ok()) << read.error().message();
  return out;
}

// Half a step; a whole one at the end of a symmetric block that has no code of its own.
TEST(BlockwiseWeight, RoundToNearestComesBackWithinAStepAndKeepsZero) {
  const std::vector<float> rows = values();
  for (const Layout layout : {Layout::kMatMulNBits, Layout::kGatherBlockQuantized}) {
    for (const int bits : {4, 8}) {
      for (const bool symmetric : {false, true}) {
        const WeightFormat how = format(QuantMethod::kRtn, bits, symmetric, layout);
        const BlockwiseWeight w = quantize_blockwise(tensor::floats({kN, kK}, rows), how);
        EXPECT_EQ(w.zero_points.valid(), !symmetric);
        const std::vector<float> scales = w.scales.to_floats().value();
        const std::vector<float> back = meaning(w, how);
        EXPECT_EQ(back[kZero], 0.0F);
        for (size_t i = 0; i < rows.size(); ++i) {
          const float step = std::abs(scales[i / kK * 3 + i % kK / 32]);
          EXPECT_LE(std::abs(back[i] - rows[i]), (symmetric ? 1.01F : 0.51F) * step)
              << how.describe() << ", " << i;
        }
      }
    }
  }
}

TEST(BlockwiseWeight, KQuantIsClose) {
  const std::vector<float> rows = values();
  for (const auto& [bits, bound] : {std::pair{4, 0.09}, std::pair{8, 0.006}}) {
    const WeightFormat how = format(QuantMethod::kKQuant, bits, false);
    const BlockwiseWeight w = quantize_blockwise(tensor::floats({kN, kK}, rows), how);
    EXPECT_LT(relative_error(meaning(w, how), rows), bound) << bits;
  }
}

// However the rows are cut, and whichever of the three is asked for.
TEST(BlockwiseWeight, CutsDoNotShow) {
  const BlockwiseWeight w = quantize_blockwise(tensor::floats({kN, kK}, values()),
                                               format(QuantMethod::kKQuant, 4, false));
  const std::vector<std::byte> whole = w.codes.materialize().value();
  const size_t row = whole.size() / static_cast<size_t>(kN);
  std::vector<std::byte> part(2 * row);
  const std::vector<std::span<std::byte>> outs = {part, {}, {}};
  ASSERT_TRUE(w.codes.producer()->read_tiles(3, 5, outs).ok());
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<int64_t>(3 * row)));
}

TEST(BlockwiseWeight, WeightsThatAreNotFiniteAreErrorsThatNameThem) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> rows = values();
    rows[70] = bad;
    const Tensor weight = tensor::floats({kN, kK}, rows);
    for (const QuantMethod method : {QuantMethod::kKQuant, QuantMethod::kRtn}) {
      const auto codes = quantize_blockwise(weight, format(method, 4, false)).codes.materialize();
      ASSERT_FALSE(codes.ok());
      EXPECT_THAT(codes.error().message(),
                  AllOf(HasSubstr(weight.describe()), HasSubstr("column 70"),
                        HasSubstr("NaN or infinite")));
    }
  }
}

TEST(BlockwiseWeight, TellsCodesFromOtherTensors) {
  const Tensor rows = tensor::floats({kN, kK}, values());
  const BlockwiseWeight w = quantize_blockwise(rows, format(QuantMethod::kRtn, 4, true));
  EXPECT_EQ(quantized_operand(w.codes).to_floats().value(), values());
  EXPECT_FALSE(quantized_operand(w.scales).valid());
  EXPECT_FALSE(quantized_operand(rows).valid());
  EXPECT_FALSE(quantized_operand({}).valid());
}

TEST(BlockwiseWeight, JoinsAGraphUnderItsNames) {
  const auto added = [](bool symmetric) {
    graph::Graph graph;
    const WeightFormat how = format(QuantMethod::kKQuant, 4, symmetric);
    const auto w = quantize_blockwise(tensor::floats({kN, kK}, values()), how);
    graph::FreshNames free(graph);
    const std::vector<std::string> names = add_blockwise(graph, free, "w", w, how);
    for (const std::string& name : names) {
      EXPECT_TRUE(graph.initializers.contains(name)) << name;
      EXPECT_EQ(graph.metadata.at("quantization:" + name), how.describe());
    }
    return names;
  };
  EXPECT_THAT(added(false), ElementsAre("w_Q4", "w_scales", "w_zero_point"));
  EXPECT_THAT(added(true), ElementsAre("w_Q4", "w_scales"));
  EXPECT_EQ(format(QuantMethod::kKQuant, 4, false).describe(),
            "k-quant int4, block 32, asymmetric");
  EXPECT_EQ(format(QuantMethod::kRtn, 8, true).describe(), "rtn int8, block 32, symmetric");
}

TEST(BlockwiseWeight, NamesWhatStandsAgainstAWeight) {
  const WeightFormat how = format(QuantMethod::kRtn, 4, true);
  const WeightFormat gather = format(QuantMethod::kRtn, 4, true, Layout::kGatherBlockQuantized);
  EXPECT_EQ(reason_against(tensor::floats({2, 3}, std::vector<float>(6)), how), "");
  EXPECT_EQ(reason_against(tensor::floats({2, 3}, std::vector<float>(6)), gather),
            "rows of 3 codes do not fill whole bytes");
  EXPECT_EQ(reason_against(tensor::floats({4}, std::vector<float>(4)), how),
            "the weight has rank 1");
  EXPECT_EQ(reason_against(tensor::integers({1, 2}, {1, 2}), how), "the weight is int64");
  EXPECT_EQ(reason_against(tensor::floats({0, 4}, {}), how), "the weight is empty");
}

}  // namespace
}  // namespace lapidary::weights
