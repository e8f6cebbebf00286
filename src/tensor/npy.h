// Arrays as NumPy's .npy files, for people who look at values with other tools.
//
//   LAP_ASSIGN_OR_RETURN(std::string file,
//                        npy_bytes({DType::kFloat, {70, 128}}, std::as_bytes(std::span(values))));
//   LAP_RETURN_IF_ERROR(replace_file("x.npy", file));
//
// Source: NumPy's format specification, version 1.0 (numpy.lib.format).
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"
#include "tensor/tensor.h"

namespace lapidary::tensor {

// The whole file: header and `values` in row-major order, little-endian. Errors: kUnsupported for a
// dtype other than float32, int64 and bool (a byte each); kInternal when `values` is not as long as
// `type` says.
Result<std::string> npy_bytes(const TensorType& type, std::span<const std::byte> values);

}  // namespace lapidary::tensor
