// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <numeric>

#include "example.h"
#include "quant/affine.h"
#include "quant/error_aware_rounding.h"
#include "quant/format.h"
#include "quant/grid_recovery.h"
#include "quant/kquant.h"
#include "quant/lpbq.h"
#include "quant/moments.h"
#include "quant/ranges.h"
#include "quant/symmetric_blocks.h"

namespace lapidary::quant {

std::vector<float> ramp(size_t n) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = static_cast<float>(i % 17) - 8.0F;
  return values;
}

Status affine_example(const std::vector<float>& x) {
  // [quant/affine.h]
  LAP_ASSIGN_OR_RETURN(Affine a, affine_of({-1.0F, 3.0F}, DType::kUint16, false));
  std::vector<std::byte> codes(packed_bytes(DType::kUint16, x.size()));
  LAP_RETURN_IF_ERROR(quantize(x, a, DType::kUint16, codes));
  // [end]
  std::vector<float> back(x.size());
  LAP_RETURN_IF_ERROR(dequantize(codes, a, DType::kUint16, back));
  for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(back[i], x[i], a.scale);
  return {};
}

Status error_aware_rounding_example(const std::shared_ptr<const BlockMoments>& moments_of_the_input,
                                    const std::vector<float>& columns,
                                    const std::vector<float>& weights, size_t k, DType type,
                                    std::vector<float>& scales, std::vector<int32_t>& codes) {
  // [quant/error_aware_rounding.h]
  RoundingFactors factors(moments_of_the_input);  // of y = x W, x [.., K]
  LAP_RETURN_IF_ERROR(weighted_channel_scales(columns, k, type, factors.importance(), scales));
  LAP_ASSIGN_OR_RETURN(const RoundingFactor* factor, factors.block(0));
  round_error_aware(weights, *factor, scales, codes_of(type, true), codes);  // rows of block 0
  // [end]
  return {};
}

Status format_example(const std::vector<float>& weights, size_t rows, size_t k) {
  // [quant/format.h]
  BlockFormat format{.bits = 4, .block_size = 32};
  LAP_ASSIGN_OR_RETURN(QuantizedShape shape, quantized_shape(rows, k, format));
  std::vector<uint8_t> codes(shape.codes), zero_points(shape.zero_points);
  std::vector<float> scales(shape.scales);
  LAP_RETURN_IF_ERROR(kquant_rows(weights, k, format, {codes, scales, zero_points}));
  // [end]
  EXPECT_EQ(codes.size(), rows * k / 2);
  return {};
}

Status lpbq_example(const std::vector<float>& weights, const std::vector<float>& block_scales,
                    size_t k) {
  // [quant/lpbq.h]
  std::vector<int8_t> codes(k);
  std::vector<uint8_t> scales(k / 32);
  LAP_ASSIGN_OR_RETURN(const float channel,
                       lpbq_channel(weights, block_scales, 32, {codes, scales}));
  // [end]
  EXPECT_EQ(channel, lpbq_channel_scale(block_scales));
  return {};
}

size_t moments_example(const Moments& all) {
  // [quant/moments.h]
  const BlockMoments& moments = all.at("model.layers.0.input_layernorm/RMSNormalization");
  std::span<const float> h = moments.block(3);  // [width, width] of channels 3 * block_size ...
  // [end]
  return h.size();
}

Status ranges_example(const Json& json) {
  // [quant/ranges.h]
  LAP_ASSIGN_OR_RETURN(Ranges ranges, Ranges::from_json(json, "calibration.json"));
  const Range* r = ranges.find("model.norm/RMSNormalization");
  // [end]
  EXPECT_NE(r, nullptr);
  return {};
}

Status symmetric_blocks_example(const std::vector<float>& weights, std::vector<int8_t>& codes) {
  // [quant/symmetric_blocks.h]
  LAP_ASSIGN_OR_RETURN(float scale, symmetric_block(weights, 4, codes));
  // [end]
  EXPECT_GT(scale, 0.0F);
  return {};
}

std::optional<float> grid_recovery_example(std::span<const uint16_t> weights) {
  // [quant/grid_recovery.h]
  std::array<uint8_t, 32> codes;
  std::optional<float> step = recover_block(weights, codes);
  // bfloat16((codes[i] - 8) * *step) == weights[i] for every i, bit for bit
  // [end]
  return step;
}

TEST(QuantExamples, Affine) { expect_ok(affine_example({-1.0F, 0.0F, 0.5F, 3.0F})); }

TEST(QuantExamples, ErrorAwareRounding) {
  const auto moments = std::make_shared<BlockMoments>(
      BlockMoments{.channels = 2, .block_size = 2, .rows = 8, .sums = {2.0F, 1.0F, 1.0F, 2.0F}});
  std::vector<float> scales(3);
  std::vector<int32_t> codes(2 * 3, 99);
  expect_ok(error_aware_rounding_example(moments, ramp(6), ramp(6), 2, DType::kInt4, scales,
                                         codes));
  for (const int32_t code : codes) EXPECT_LE(std::abs(code), 7);
}

TEST(QuantExamples, Blocks) {
  expect_ok(format_example(ramp(2 * 64), 2, 64));
  expect_ok(lpbq_example(ramp(64), {1.0F, 0.5F}, 64));
  std::vector<int8_t> codes(32);
  expect_ok(symmetric_blocks_example(ramp(32), codes));
}

TEST(QuantExamples, MomentsAndRanges) {
  Moments all;
  all["model.layers.0.input_layernorm/RMSNormalization"] = {
      .channels = 7, .block_size = 2, .rows = 1, .sums = std::vector<float>(3 * 4 + 1)};
  EXPECT_EQ(moments_example(all), 1U);
  Ranges ranges;
  expect_ok(ranges.set("model.norm/RMSNormalization", {-1.0F, 2.0F}));
  expect_ok(ranges_example(ranges.to_json()));
}

}  // namespace lapidary::quant
