// Symmetric blocks of 4 or 8 bits, w = code * scale, from float weights: what asymmetric blocks are
// coded anew as where zero points cannot be used.
//
//   LAP_ASSIGN_OR_RETURN(float scale, symmetric_block(weights, 4, codes));
//
// 4 bits: codes in [-8, 7]; of ten scales between 3/4 and 1 of (largest magnitude) / 7, the one
// with the smallest squared error. 8 bits: codes in [-127, 127], the largest magnitude / 127.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"

namespace lapidary::quant {

// One block; returns its scale, 0 for a block of zeros. kBadInput: a weight that is not finite,
// sizes that do not fit, other bits.
Result<float> symmetric_block(std::span<const float> weights, int bits, std::span<int8_t> codes);

}  // namespace lapidary::quant
