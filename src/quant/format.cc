#include "quant/format.h"

#include <fmt/core.h>

#include <string>

namespace lapidary::quant {
namespace {

size_t ceil_div(size_t a, size_t b) { return (a + b - 1) / b; }

// Code or zero point number `index` of one row.
int unpack(const uint8_t* row, size_t index, int bits) {
  if (bits == 8) return row[index];
  return (row[index / 2] >> (index % 2 * 4)) & 0xf;
}

}  // namespace

Status validate(const BlockFormat& format) {
  if (format.bits != 4 && format.bits != 8) {
    return bad_input("quantization format", fmt::format("bits is {}", format.bits), "use 4 or 8");
  }
  const int block = format.block_size;
  if (block < 16 || block > 256 || (block & (block - 1)) != 0) {
    return bad_input("quantization format", fmt::format("block_size is {}", block),
                     "use 16, 32, 64, 128 or 256");
  }
  return {};
}

Result<QuantizedShape> quantized_shape(size_t rows, size_t k, const BlockFormat& format) {
  LAP_RETURN_IF_ERROR(validate(format));
  if (k == 0) return bad_input("quantization", "rows have no elements");
  const size_t bits = static_cast<size_t>(format.bits);
  const size_t block = static_cast<size_t>(format.block_size);
  const size_t k_blocks = ceil_div(k, block);
  const size_t stored = format.layout == Layout::kMatMulNBits ? k_blocks * block : k;
  return QuantizedShape{
      .codes = rows * ceil_div(stored * bits, 8),
      .scales = rows * k_blocks,
      .zero_points = format.symmetric ? 0 : rows * ceil_div(k_blocks * bits, 8),
  };
}

Status dequantize_rows(const QuantizedRowsView& quantized, size_t k, const BlockFormat& format,
                       std::span<float> rows) {
  LAP_ASSIGN_OR_RETURN(const QuantizedShape row, quantized_shape(1, k, format));
  const size_t n = rows.size() / k;
  if (rows.size() != n * k || quantized.codes.size() != n * row.codes ||
      quantized.scales.size() != n * row.scales ||
      quantized.zero_points.size() != n * row.zero_points) {
    return bad_input("dequantize_rows", fmt::format("array sizes do not belong to rows of {}", k),
                     "size them with quantized_shape()");
  }
  const size_t block = static_cast<size_t>(format.block_size);
  for (size_t r = 0; r < n; ++r) {
    const uint8_t* codes = quantized.codes.data() + r * row.codes;
    const float* scales = quantized.scales.data() + r * row.scales;
    for (size_t i = 0; i < k; ++i) {
      const size_t b = i / block;
      const int zero_point =
          format.symmetric
              ? format.mid_code()
              : unpack(quantized.zero_points.data() + r * row.zero_points, b, format.bits);
      const int steps = unpack(codes, i, format.bits) - zero_point;
      rows[r * k + i] = static_cast<float>(steps) * scales[b];
    }
  }
  return {};
}

}  // namespace lapidary::quant
