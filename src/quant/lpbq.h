// Low-power block quantization (LPBQ): 4-bit codes in blocks whose scales are small integers times
// one float scale a channel, so that an accelerator multiplies integers only.
//
//   w = code * (block scale * channel scale),   code in [-8, 7], block scale in [1, 16]
//
// A channel is one output of a product; its blocks are runs of block_size inputs. Given a channel's
// weights and the float scales that its blocks have in plain block quantization:
//
//   channel scale   the largest block scale / 16
//   block scale     round(float scale / channel scale) within [1, 16], or an integer near it under
//                   which the squared error of the block is smaller
//   codes           the weights, rounded to nearest (even) on the grid that results
//
//   std::vector<int8_t> codes(k);
//   std::vector<uint8_t> scales(k / 32);
//   LAP_ASSIGN_OR_RETURN(const float channel,
//                        lpbq_channel(weights, block_scales, 32, {codes, scales}));
//
// Weights that lie on such a grid come back as they were, when the block scales are those of the
// grid. The execution provider of Qualcomm's stack instead keeps the codes that belong to the float
// scales (provider option enable_block_quant_weight_optimization; measured, docs/int4.md), which
// costs accuracy wherever a scale moved.
//
// Source of the form: AIMET's "low power blockwise quantization" (decompressed bit width 8, so 4
// bits of block scale) and QNN's Qnn_BlockwiseExpansion_t; the re-quantization is ours.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"

namespace lapidary::quant {

inline constexpr int kLpbqMaxBlockScale = 16;
inline constexpr int kInt4Min = -8;
inline constexpr int kInt4Max = 7;

// The largest |scale| / 16; 1 when all are zero.
float lpbq_channel_scale(std::span<const float> block_scales);
// round(|block_scale| / channel_scale) within [1, 16].
uint8_t lpbq_block_scale(float block_scale, float channel_scale);

struct LpbqChannel {
  std::span<int8_t> codes;    // as many as weights
  std::span<uint8_t> scales;  // one a block
};

// One channel; returns its scale. The last block may be short. The sign of a block scale does not
// matter. kBadInput: a weight or scale that is not finite, sizes that do not fit.
Result<float> lpbq_channel(std::span<const float> weights, std::span<const float> block_scales,
                           int64_t block_size, const LpbqChannel& out);

}  // namespace lapidary::quant
