#include "quant/block_rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace lapidary::quant {
namespace {

struct Plan {
  size_t k;
  size_t block;
  size_t k_blocks;
  size_t blocks;       // of all rows
  size_t block_bytes;  // codes of a full block
  size_t row_bytes;    // codes of a row
};

Error not_finite(const RowJob& job, std::span<const float> rows, size_t k) {
  const auto bad =
      std::find_if(rows.begin(), rows.end(), [](float v) { return !std::isfinite(v); });
  const size_t at = static_cast<size_t>(bad - rows.begin());
  return bad_input(fmt::format("{}: row {}, column {}", job.name, at / k, at % k),
                   "weight is NaN or infinite",
                   "the checkpoint is damaged, or the conversion before overflowed");
}

// Copies blocks [first, first + count) into `x`, zeros where a row or the matrix has ended.
void load_group(const float* rows, const Plan& plan, size_t first, size_t count, float* x) {
  std::memset(x, 0, kGroup * plan.block * sizeof(float));
  for (size_t i = 0; i < count; ++i) {
    const size_t row = (first + i) / plan.k_blocks;
    const size_t column = (first + i) % plan.k_blocks * plan.block;
    const size_t length = std::min(plan.block, plan.k - column);
    std::memcpy(x + i * plan.block, rows + row * plan.k + column, length * sizeof(float));
  }
}

// Clears the codes of one block from element `length` on.
void clear_codes(uint8_t* codes, size_t length, const Plan& plan, int bits) {
  if (bits == 4 && length % 2 == 1) codes[length / 2] &= 0xf;
  const size_t used = (length * static_cast<size_t>(bits) + 7) / 8;
  std::memset(codes + used, 0, plan.block_bytes - used);
}

// The inverse of load_group for the codes.
void store_group(uint8_t* codes, const Plan& plan, size_t first, size_t count, const RowJob& job,
                 const BlockFormat& format, uint8_t* out) {
  const bool drop_padding = format.layout == Layout::kGatherBlockQuantized;
  for (size_t i = 0; i < count; ++i) {
    const size_t row = (first + i) / plan.k_blocks;
    const size_t b = (first + i) % plan.k_blocks;
    const size_t length = std::min(plan.block, plan.k - b * plan.block);
    uint8_t* from = codes + i * plan.block_bytes;
    if (length < plan.block && (drop_padding || job.zero_padding_codes)) {
      clear_codes(from, length, plan, format.bits);
    }
    const size_t bytes = std::min(plan.block_bytes, plan.row_bytes - b * plan.block_bytes);
    std::memcpy(out + row * plan.row_bytes + b * plan.block_bytes, from, bytes);
  }
}

void pack_zero_points(const std::vector<uint8_t>& unpacked, size_t k_blocks,
                      const BlockFormat& format, std::span<uint8_t> out) {
  if (format.bits == 8) {
    std::copy(unpacked.begin(), unpacked.end(), out.begin());
    return;
  }
  const int unused = format.layout == Layout::kMatMulNBits ? format.mid_code() : 0;
  const size_t row_bytes = (k_blocks + 1) / 2;
  const size_t n = unpacked.size() / k_blocks;
  for (size_t r = 0; r < n; ++r) {
    const uint8_t* from = unpacked.data() + r * k_blocks;
    for (size_t j = 0; j < k_blocks; j += 2) {
      const int high = j + 1 < k_blocks ? from[j + 1] : unused;
      out[r * row_bytes + j / 2] = static_cast<uint8_t>(from[j] | (high << 4));
    }
  }
}

Result<Plan> plan_rows(const RowJob& job, std::span<const float> rows, size_t k,
                       const BlockFormat& format, const QuantizedRows& out) {
  LAP_ASSIGN_OR_RETURN(const QuantizedShape row, quantized_shape(1, k, format));
  const size_t n = rows.size() / k;
  if (rows.size() != n * k) {
    return bad_input(job.name,
                     fmt::format("{} weights are no whole number of rows of {}", rows.size(), k));
  }
  if (out.codes.size() != n * row.codes || out.scales.size() != n * row.scales ||
      out.zero_points.size() != n * row.zero_points) {
    return bad_input(job.name, fmt::format("output arrays do not fit {} rows of {}", n, k),
                     "size them with quantized_shape()");
  }
  const size_t block = static_cast<size_t>(format.block_size);
  return Plan{.k = k,
              .block = block,
              .k_blocks = row.scales,
              .blocks = n * row.scales,
              .block_bytes = block * static_cast<size_t>(format.bits) / 8,
              .row_bytes = row.codes};
}

}  // namespace

Status quantize_blocks(const RowJob& job, std::span<const float> rows, size_t k,
                       const BlockFormat& format, const QuantizedRows& out) {
  LAP_ASSIGN_OR_RETURN(const Plan plan, plan_rows(job, rows, k, format, out));
  // Whole blocks lie one behind the other in input and output alike; only rows that end inside a
  // block, and the last few blocks of the matrix, go through the staging arrays.
  const bool ragged = k % plan.block != 0;
  alignas(64) float x[kGroup * kMaxBlock];
  uint8_t codes[kGroup * kMaxBlock];
  std::vector<uint8_t> zero_points(plan.blocks);
  for (size_t first = 0; first < plan.blocks; first += kGroup) {
    const size_t count = std::min<size_t>(kGroup, plan.blocks - first);
    bool finite = true;
    if (!ragged && count == kGroup) {
      finite = job.kernel(rows.data() + first * plan.block, format,
                          out.codes.data() + first * plan.block_bytes, out.scales.data() + first,
                          zero_points.data() + first);
    } else {
      float scales[kGroup];
      uint8_t zps[kGroup];
      load_group(rows.data(), plan, first, count, x);
      finite = job.kernel(x, format, codes, scales, zps);
      store_group(codes, plan, first, count, job, format, out.codes.data());
      std::copy_n(scales, count, out.scales.begin() + static_cast<ptrdiff_t>(first));
      std::copy_n(zps, count, zero_points.begin() + static_cast<ptrdiff_t>(first));
    }
    if (!finite) return not_finite(job, rows, k);
  }
  if (!format.symmetric) pack_zero_points(zero_points, plan.k_blocks, format, out.zero_points);
  return {};
}

}  // namespace lapidary::quant
