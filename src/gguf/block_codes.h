// The integers and scales that a packed tensor of a GGUF file consists of, for target forms that
// hold them as they are: nothing is rounded again.
//
//   if (const auto grid = block_codes(*file, info)) {  // Q4_0
//     use(grid->bits, grid->codes, grid->scales);
//   }
//
// A value is (code - 2^(bits-1)) * scale, or code * scale + minimum, in float32: bit for bit that
// of dequantized.h.
#pragma once

#include <optional>

#include "gguf/file.h"
#include "tensor/grid.h"

namespace lapidary::gguf {

// Q4_0: 4 bits; Q4_1: 4 bits and minimums; Q5_0, Q5_1: the same with 5 bits; Q8_0: 8 bits, its int8
// plus 128. Blocks of 32; scales may be negative, or zero. Nothing for other types, and for tensors
// that are no matrix. `info` is one of file.tensors(). Lazy, as dequantized() is.
std::optional<tensor::Grid> block_codes(const GgufFile& file, const TensorInfo& info);

}  // namespace lapidary::gguf
