// RTN: block-wise round to nearest. One pass over the weights, about as fast as reading them.
//
// Source: the pass OnnxBlockWiseRtnQuantization of Olive 0.13. It quantizes the two operators by
// different arithmetic; format.layout chooses, so that results equal Olive's bit for bit for finite
// float32 weights (in both cases min and max include 0, and m is the weight of largest magnitude):
//
//                MatMulNBits (ONNX Runtime 1.31's kernel)   GatherBlockQuantized (numpy)
//   asymmetric   scale = (max - min) / maxq                 same
//     zero point round_away(0 - min / scale)                round_even(-min / scale)
//     code       round_away(x * (1 / scale) + zp)           round_even(x / scale + zp)
//   symmetric    scale = -m / 2^(bits-1)                    same
//     code       round_away(x * (1 / scale) + mid)          round_even(x / scale) + mid
//   block of 0   asymmetric: zero point 0, codes 0          zero point and codes mid
//   past K       codes are 0                                not stored
//
// All float32; codes and zero points are clipped to [0, maxq]. When K is odd at 4 bits, ONNX
// Runtime leaves a stale code in the nibble after the last weight; here it is 0.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "quant/format.h"

namespace lapidary::quant {

// As kquant_rows (kquant.h).
Status rtn_rows(std::span<const float> rows, size_t k, const BlockFormat& format,
                const QuantizedRows& out);

}  // namespace lapidary::quant
