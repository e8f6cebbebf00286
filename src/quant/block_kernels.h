// Inside the quant room: the inner loops, compiled once per instruction set.
//
// A kernel quantizes kGroup consecutive blocks. Working on a group lets the per-block scalars
// (scale, minimum, error) live in the lanes of a vector, so their divisions cost an eighth each;
// two vectors' worth let one half compute while the other waits for its division.
#pragma once

#include <cstdint>

#include "quant/format.h"

namespace lapidary::quant {

inline constexpr int kLanes = 8;
inline constexpr int kGroup = 2 * kLanes;
inline constexpr int kMaxBlock = 256;

enum class Method { kKQuant, kRtn };

// x: kGroup * block_size floats. codes: kGroup * block_size * bits / 8 bytes. scales, zero_points:
// kGroup each (zero points unpacked). Returns false, with outputs undefined, if an x is not finite.
using GroupKernel = bool (*)(const float* x, const BlockFormat& format, uint8_t* codes,
                             float* scales, uint8_t* zero_points);

// For a format that validate() accepts.
GroupKernel portable_kernel(Method method, const BlockFormat& format);

// nullptr where the processor (or this build) has no AVX2.
GroupKernel avx2_kernel(Method method, const BlockFormat& format);

}  // namespace lapidary::quant
