// Inside the quant room: runs a group kernel over all blocks of a matrix.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "quant/block_kernels.h"
#include "quant/format.h"

namespace lapidary::quant {

struct RowJob {
  GroupKernel kernel = nullptr;
  bool zero_padding_codes = false;  // codes past K become 0 instead of what the kernel says
  const char* name = "";            // for messages
};

// Checks format and sizes, cuts rows into groups of blocks (padding with zeros), runs the kernel
// and packs zero points.
Status quantize_blocks(const RowJob& job, std::span<const float> rows, size_t k,
                       const BlockFormat& format, const QuantizedRows& out);

}  // namespace lapidary::quant
