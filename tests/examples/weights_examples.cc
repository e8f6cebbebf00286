// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "example.h"
#include "weights/error_aware.h"
#include "weights/kept_codes.h"
#include "weights/lpbq.h"
#include "weights/nbits.h"
#include "weights/recovered_grid.h"
#include "weights/row_reader.h"
#include "weights/row_scales.h"

namespace lapidary::weights {

AffineWeight error_aware_weight_example(const std::shared_ptr<const quant::BlockMoments>& moments,
                                        const tensor::Tensor& weight) {
  // [weights/error_aware.h]
  const auto factors = std::make_shared<quant::RoundingFactors>(moments);  // of x, in y = x W
  const AffineWeight w = round_channels_error_aware(weight, DType::kInt4, factors);
  // [end]
  return w;
}

LpbqWeight lpbq_weight_example(const tensor::Tensor& w, const tensor::Tensor& scales) {
  // [weights/lpbq.h]
  BlockSource s{
      .codes = w, .scales = scales, .layout = {.n = 1536, .channels = 2048}, .block_size = 32};
  LpbqWeight out = lpbq_weight(s);  // out.codes int4 [2048, 1536], ...
  // [end]
  return out;
}

DequantizableWeight nbits_weight_example(const tensor::Tensor& codes, const tensor::Tensor& scales,
                                         const tensor::Tensor& zero_points, int64_t n, int64_t k) {
  // [weights/nbits.h]
  NBitsWeight w{codes, scales, zero_points, n, k, 32, 4};
  DequantizableWeight out = dequantizable(w, {.is_signed = true});
  // out.codes int4 [K, N], out.scales float [K / 32, N], out.zero_points int4 [K / 32, N]
  // [end]
  return out;
}

Status row_reader_example(const tensor::Tensor& codes, const tensor::Tensor& scales, int64_t n) {
  // [weights/row_reader.h]
  LAP_ASSIGN_OR_RETURN(RowReader reader, RowReader::create({codes, scales}, n));
  LAP_ASSIGN_OR_RETURN(auto rows, reader.read(64, 128));  // rows[0]: bytes of codes, ...
  // [end]
  return {};
}

Status row_scales_example(const tensor::Tensor& rows, const tensor::Tensor& weight,
                          quant::ScaleSearch search) {
  // [weights/row_scales.h]
  const auto scales = std::make_shared<RowScales>(rows, DType::kInt4, search);
  tensor::Tensor scale = scales_tensor(scales, weight);                      // [N] of [N, K]
  LAP_ASSIGN_OR_RETURN(const std::span<const float> values, scales->get());  // reads the weight
  // [end]
  use(values);
  return {};
}

void kept_codes_example(const tensor::Tensor& rows, const tensor::Grid& grid,
                        const WeightFormat& wanted) {
  // [weights/kept_codes.h]
  if (reason_against_keeping(grid, wanted).empty()) {
    const BlockwiseWeight w = keep_codes(rows, grid, kept_format(grid, wanted));
  }
  // [end]
}

bool recovered_grid_example(const tensor::Tensor& stored) {
  using tensor::Tensor;
  // [weights/recovered_grid.h]
  const auto share = std::make_shared<RecoveredShare>();
  Tensor w = recovered_grid(stored, "model.layers.0.mlp.up_proj.weight", true, share);
  std::optional<tensor::Grid> grid = tensor::grid_of(w);  // codes, steps; symmetric
  // [end]
  return grid.has_value();
}

}  // namespace lapidary::weights
