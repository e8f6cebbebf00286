// Block-wise integer formats for weights: what a quantized row looks like in memory.
//
// A weight matrix is float32 [N, K] in checkpoint orientation (N output channels or table rows, K
// inputs). Each row is cut into k_blocks = ceil(K / block_size) blocks. A block has one float32
// scale and one zero point; a weight is
//
//   w = (code - zero_point) * scale,   code in [0, 2^bits - 1]
//
// In a symmetric format the zero point is 2^(bits-1) everywhere and is not stored: both operators
// below assume that value for uint8 data when their zero point input is left out.
//
// Layout of the packed bytes (4 bits: the code with the lower index in the low nibble):
//
//                    MatMulNBits                            GatherBlockQuantized
//   codes            uint8 [N, k_blocks, block*bits/8]      uint8 [N, ceil(K*bits/8)]
//   scales           float [N, k_blocks]                    same
//   zero points      uint8 [N, ceil(k_blocks*bits/8)]       same
//   unused zp nibble 8                                      0
//   codes past K     present (see kquant.h, rtn.h)          absent (an odd K leaves a nibble of 0)
//
// When K is a multiple of the block size, codes and scales of the two layouts are the same bytes,
// so an embedding table and a language-model head can share them.
//
//   BlockFormat format{.bits = 4, .block_size = 32};
//   LAP_ASSIGN_OR_RETURN(QuantizedShape shape, quantized_shape(rows, k, format));
//   std::vector<uint8_t> codes(shape.codes), zero_points(shape.zero_points);
//   std::vector<float> scales(shape.scales);
//   LAP_RETURN_IF_ERROR(kquant_rows(weights, k, format, {codes, scales, zero_points}));
//
// Source: the com.microsoft operators MatMulNBits and GatherBlockQuantized of ONNX Runtime 1.31,
// and what Olive 0.13 writes for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace lapidary::quant {

enum class Layout { kMatMulNBits, kGatherBlockQuantized };

struct BlockFormat {
  int bits = 4;         // 4 or 8
  int block_size = 32;  // 16, 32, 64, 128 or 256
  bool symmetric = false;
  Layout layout = Layout::kMatMulNBits;

  int max_code() const { return (1 << bits) - 1; }
  int mid_code() const { return 1 << (bits - 1); }
};

// Element counts of the three arrays, for all rows together. Divide by the number of rows for the
// share of one row: rows never share a byte.
struct QuantizedShape {
  size_t codes = 0;        // bytes
  size_t scales = 0;       // floats
  size_t zero_points = 0;  // bytes; 0 when the format is symmetric
};

// The three arrays, to be filled by kquant_rows or rtn_rows. Sizes as quantized_shape() says.
struct QuantizedRows {
  std::span<uint8_t> codes;
  std::span<float> scales;
  std::span<uint8_t> zero_points;
};

// The same, to be read.
struct QuantizedRowsView {
  std::span<const uint8_t> codes;
  std::span<const float> scales;
  std::span<const uint8_t> zero_points;
};

// kBadInput when the format is outside the table above.
Status validate(const BlockFormat& format);

// kBadInput for a bad format, or k == 0.
Result<QuantizedShape> quantized_shape(size_t rows, size_t k, const BlockFormat& format);

// w = (code - zero_point) * scale into `rows`, float32 [N, K]; the subtraction is exact, the
// product rounds once. The reference that tests and reports measure errors with; not meant to be
// fast. kBadInput when a size does not fit.
Status dequantize_rows(const QuantizedRowsView& quantized, size_t k, const BlockFormat& format,
                       std::span<float> rows);

}  // namespace lapidary::quant
