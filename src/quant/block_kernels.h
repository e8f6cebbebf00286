// Inside the quant room: the inner loops, compiled once per instruction set (block_kernels.cc).
//
// A kernel quantizes kGroup consecutive blocks. Working on a group lets the per-block scalars
// (scale, minimum, error) live in the lanes of a vector, so their divisions cost a fraction each;
// two vectors' worth of the widest let one half compute while the other waits for its division.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/format.h"

namespace lapidary::quant {

inline constexpr int kGroup = 32;
inline constexpr int kMaxBlock = 256;

// x: kGroup * block_size floats. codes: kGroup * block_size * bits / 8 bytes. scales, zero_points:
// kGroup each (zero points unpacked). format: one that validate() accepts. Returns false, with
// outputs undefined, if an x is not finite.
using GroupKernel = bool (*)(const float* x, const BlockFormat& format, uint8_t* codes,
                             float* scales, uint8_t* zero_points);

// The K-quant search (algorithm: kquant.h).
bool kquant_group(const float* x, const BlockFormat& format, uint8_t* codes, float* scales,
                  uint8_t* zero_points);

// Round to nearest (arithmetic: rtn.h).
bool rtn_group(const float* x, const BlockFormat& format, uint8_t* codes, float* scales,
               uint8_t* zero_points);

// The instruction sets that the kernels were compiled for and this machine has, best first, in
// Highway's numbering (hwy::TargetName). The kernels use the best; tests and benchmarks choose
// another with hwy::SetSupportedTargetsForTest.
std::vector<int64_t> kernel_targets();

}  // namespace lapidary::quant
