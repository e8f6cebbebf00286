// The expressions that tensors are made of, except quantization (see passes/).
// All are lazy; shape and dtype errors are programming errors, checked by assertions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/tensor.h"

namespace lapidary::tensor {

// Is shown what is read of a tensor in a file, for example to hash it on the way. Called from
// several threads at once, after the read; the same rows may come more than once.
class ReadObserver {
 public:
  virtual ~ReadObserver() = default;
  // Whole rows, from `row_begin` on.
  virtual void saw_rows(int64_t row_begin, std::span<const std::byte> rows) = 0;
  // Some columns of some rows, which are not shown.
  virtual void saw_columns() = 0;
};

// Bytes [offset, offset + type.bytes()) of a mapped file. `name` is what `describe` prints. Pages
// are released once read, so that resident memory is bounded by the tiles in flight, not by the
// file.
Tensor from_file(std::shared_ptr<const MappedFile> file, int64_t offset, TensorType type,
                 std::string name, std::shared_ptr<ReadObserver> observer = nullptr);

// Values held in memory.
Tensor literal(TensorType type, std::vector<std::byte> bytes);
Tensor floats(Shape shape, const std::vector<float>& values);
Tensor integers(Shape shape, const std::vector<int64_t>& values);
Tensor scalar(float value);
Tensor scalar(int64_t value);

// Conversion between float dtypes (float32, float16, bfloat16), rounding to nearest even.
// The same dtype yields `x` itself.
Tensor cast(const Tensor& x, DType dtype);
// [rows, cols] -> [cols, rows]. The transpose of a transpose is the first operand again.
Tensor transpose(const Tensor& x);
// The same bytes with another shape of as many elements.
Tensor reshape(const Tensor& x, Shape shape);
// Rows [begin, end) along the first dim.
Tensor slice_rows(const Tensor& x, int64_t begin, int64_t end);
// x * factor and x + amount; x must be float32.
Tensor scale(const Tensor& x, float factor);
Tensor shift(const Tensor& x, float amount);

// The operand of a transpose, when `x` is one: lets a pass that wants [N, K] take the checkpoint's
// own layout instead of transposing twice.
Tensor transposed_operand(const Tensor& x);  // invalid tensor when x is no transpose

}  // namespace lapidary::tensor
