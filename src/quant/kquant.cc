#include "quant/kquant.h"

#include "quant/block_rows.h"

namespace lapidary::quant {

Status kquant_rows(std::span<const float> rows, size_t k, const BlockFormat& format,
                   const QuantizedRows& out) {
  LAP_RETURN_IF_ERROR(validate(format));
  return quantize_blocks({.kernel = kquant_group, .name = "kquant_rows"}, rows, k, format, out);
}

}  // namespace lapidary::quant
