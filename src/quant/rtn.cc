#include "quant/rtn.h"

#include "quant/block_rows.h"

namespace lapidary::quant {

Status rtn_rows(std::span<const float> rows, size_t k, const BlockFormat& format,
                const QuantizedRows& out) {
  LAP_RETURN_IF_ERROR(validate(format));
  return quantize_blocks({.kernel = rtn_group, .zero_padding_codes = true, .name = "rtn_rows"},
                         rows, k, format, out);
}

}  // namespace lapidary::quant
