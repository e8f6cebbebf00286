// K-quant: block-wise quantization that searches scale and minimum by weighted least squares.
//
// For each block x[0..B) of a row, with importance w = sqrt(mean(x^2)) + |x|, it starts from the
// plain range (scale = (max - min) / maxq) and then tries 20 slightly different code spacings. Each
// gives codes q = clip(round((x - min) * t / (max - min)), 0, maxq), t = maxq - 1, maxq - 0.9, ...,
// and from them the scale and minimum that minimise sum w (scale q + min - x)^2 in closed form; a
// candidate is kept when that error is smaller, and its minimum is where the next one starts from.
// At the end zero_point = clip(round(-min / scale), 0, maxq) and
// code = clip(round(x / scale + zero_point), 0, maxq).
//
// Source: the pass OnnxKQuantQuantization of Olive 0.13 (numpy path), itself after
// make_qkx2_quants of llama.cpp.
//
// How exact: asymmetric codes, scales and zero points equal Olive's bit for bit, for finite float32
// weights, 4 and 8 bits, blocks of 16 to 256 (checked with numpy 2.4 on x86-64). All arithmetic is
// float32 in numpy's order (sums are pairwise over eight accumulators), the final division float64.
// One exception: when K <= block_size, Olive hands numpy a transposed view, which numpy sums
// in another order; we compute what it computes on the contiguous copy, so last bits of a scale may
// differ there. Rows whose K is no multiple of the block are padded with zeros, which take part in
// the fit and get codes like any weight.
//
// Known weaknesses, kept for exactness. The search fits a real minimum, which only afterwards is
// rounded to an integer zero point: measured on normal weights at 4 bits, its squared error is 6, 3
// and -3 % above asymmetric RTN's for blocks of 16, 32 and 128. And a block of one repeated value c
// has no range, so it gets scale 1 and loses whatever of c is not an integer in [-maxq, maxq].
//
// Symmetric: Olive has no such form; ours minimises the same weighted error with the zero point
// fixed at 2^(bits-1). With m the weight of largest magnitude, candidates are q = clip(round(-x t /
// m), -2^(bits-1), 2^(bits-1)-1), t = 2^(bits-1) - 1, 2^(bits-1) - 0.9, ..., each with scale =
// sum(w q x) / sum(w q^2); the start is t = 2^(bits-1) with scale = -m / t.
//
// The result does not depend on the machine: the kernels of all instruction sets round alike.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "quant/format.h"

namespace lapidary::quant {

// Quantizes `rows`, float32 [N, K] with K = k, into `out`. Safe to call from several threads on
// different rows; allocates nothing that grows with the rows but one byte per block.
// kBadInput: bad format, sizes that do not fit, or a weight that is NaN or infinite (named).
Status kquant_rows(std::span<const float> rows, size_t k, const BlockFormat& format,
                   const QuantizedRows& out);

}  // namespace lapidary::quant
