// The values of a tensor in a GGUF file, as passes take them.
//
//   tensor::Tensor w = dequantized(*file, info);  // Q4_K [rows, cols]: float32 [rows, cols]
//   LAP_ASSIGN_OR_RETURN(std::vector<float> values, w.to_floats());
//
// Packed types become float32, bit for bit those of block_formats.h, and those of block_codes.h
// know their grid (tensor/grid.h). Plain types stay what they are: bfloat16 for BF16. Lazy: blocks
// are read and unpacked row by row, on any threads, and only those that a box touches; the file's
// digest of the tensor sees them. Errors while reading: the file's.
#pragma once

#include "gguf/file.h"
#include "tensor/tensor.h"

namespace lapidary::gguf {

// `info` is one of file.tensors().
tensor::Tensor dequantized(const GgufFile& file, const TensorInfo& info);

}  // namespace lapidary::gguf
