// Rounding of weights that knows what they will be multiplied with: the error that rounding a
// weight makes is made good, as far as the inputs go together, by the weights still to be rounded.
//
//   RoundingFactors factors(moments_of_the_input);  // of y = x W, x [.., K]
//   LAP_RETURN_IF_ERROR(weighted_channel_scales(columns, k, type, factors.importance(), scales));
//   LAP_ASSIGN_OR_RETURN(const RoundingFactor* factor, factors.block(0));
//   round_error_aware(weights, *factor, scales, codes_of(type, true), codes);  // rows of block 0
//
// With H = E[x x^T] of a block's channels, the error of an output is (w - q)^T H (w - q). Channels
// are rounded one after the other, those with the largest H_ii first; having rounded channel i with
// error e, the best correction of the channels j behind it is -e U_ij / U_ii, where U^T U is the
// inverse of H + damping * mean(H_ii) * I and U is upper triangular.
//
// Source: Frantar et al., GPTQ (2022), arXiv:2210.17323; here H is kept in blocks on the diagonal
// (quant/moments.h), so that blocks know nothing of each other and can be rounded in any order.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/result.h"
#include "quant/affine.h"
#include "quant/moments.h"

namespace lapidary::quant {

inline constexpr double kRoundingDamping = 0.01;

struct RoundingFactor {
  std::vector<int32_t> order;  // of the block's channels: the first is rounded first
  // U_ij / U_ii for the i-th and the j-th of that order, j > i: row after row.
  std::vector<float> ratios;
};

// Of one block's sums [width, width], row-major; any scale of theirs gives the same. Channels that
// were never seen (zeros) take part in nothing: their weights are rounded to nearest. kBadInput:
// sums that are not finite, or no second moments of anything.
Result<RoundingFactor> rounding_factor(std::span<const float> sums, int64_t width, double damping);

// The factors of all blocks of a value, each found when first asked for; safe to use from several
// threads at once. They take half of what the moments take.
class RoundingFactors {
 public:
  explicit RoundingFactors(std::shared_ptr<const BlockMoments> moments,
                           double damping = kRoundingDamping);

  const BlockMoments& moments() const { return *moments_; }
  Result<const RoundingFactor*> block(int64_t i) const;
  // H_kk + damping * mean(H_kk), [channels]; ones when nothing was seen.
  std::vector<float> importance() const;

 private:
  std::shared_ptr<const BlockMoments> moments_;
  double damping_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<const RoundingFactor>> blocks_;
};

// Symmetric scales, one for each row of `rows` [scales.size(), k]: of 64 scales between 1/2 and 1
// of the largest magnitude / the largest code, the one with the least squared error weighted by
// `importance` [k]. Signed types only. kBadInput: a weight that is not finite, sizes that do not
// fit.
Status weighted_channel_scales(std::span<const float> rows, size_t k, DType type,
                               std::span<const float> importance, std::span<float> scales);

// Codes [width, n] of the weights [width, n] of one block of input channels; scales [n]. Sizes must
// fit, weights be finite. Columns do not depend on each other.
void round_error_aware(std::span<const float> weights, const RoundingFactor& factor,
                       std::span<const float> scales, const CodeRange& range,
                       std::span<int32_t> codes);

}  // namespace lapidary::quant
