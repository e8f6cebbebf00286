// Lazy tensors: a dtype, a shape and an expression that can produce any part of the values.
//
//   const std::string name = "model.language_model.layers.3.self_attn.q_proj.weight";
//   LAP_ASSIGN_OR_RETURN(Tensor w, weights.tensor(name));  // [N, K] bfloat16
//   Tensor b = transpose(cast(w, DType::kFloat));          // [K, N] float32; nothing was read yet
//   LAP_ASSIGN_OR_RETURN(std::vector<std::byte> all, b.materialize());
//
// Passes rewrite expressions; bytes are read, transformed and written once, tile by tile, when a
// package is saved (see save in graph/onnx_writer.h). A Tensor is a cheap value: copying it copies
// a pointer.
//
// Every tensor is seen as a matrix: `rows` is the product of all dims but the last, `cols` the last
// dim (a scalar is 1 x 1). A Box names a rectangle of it. Boxes of 4-bit tensors start and end at
// even columns, or at the end of the row; rows of 4-bit tensors have an even number of columns,
// unless the tensor has one row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"

namespace lapidary::tensor {

struct Grid;  // tensor/grid.h

using Shape = std::vector<int64_t>;  // concrete dims, each >= 0

int64_t element_count(const Shape& shape);
std::string to_string(const Shape& shape);  // "[128, 64]"

struct TensorType {
  DType dtype = DType::kUndefined;
  Shape shape;

  int64_t elements() const { return element_count(shape); }
  int64_t cols() const { return shape.empty() ? 1 : shape.back(); }
  int64_t rows() const { return cols() == 0 ? 0 : elements() / cols(); }
  int64_t bytes() const { return bytes_of(dtype, elements()); }
  bool operator==(const TensorType&) const = default;
};

struct Box {
  int64_t row_begin = 0, row_end = 0, col_begin = 0, col_end = 0;
  int64_t rows() const { return row_end - row_begin; }
  int64_t cols() const { return col_end - col_begin; }
};

// An expression with one or more outputs. Immutable; reads are safe from several threads at once.
class Producer {
 public:
  virtual ~Producer() = default;

  const std::vector<TensorType>& outputs() const { return outputs_; }

  // The rows of every output are cut alike: `tiles()` pieces, piece t of output k being the rows
  // [t * rows_k / tiles, (t + 1) * rows_k / tiles), contiguous bytes. A single-output expression
  // has one piece per row.
  int64_t tiles() const { return tiles_; }

  // Writes pieces [begin, end) of every output k to outs[k], contiguous. outs[k] may be empty: not
  // wanted.
  virtual Status read_tiles(int64_t begin, int64_t end,
                            std::span<const std::span<std::byte>> outs) const = 0;

  // Writes a rectangle of output 0, row-major and without gaps. The default reads whole rows in
  // small groups and keeps the wanted columns.
  virtual Status read_box(const Box& box, std::span<std::byte> out) const;

  // A number that no value of that output is below, if the expression says so without being read.
  // What only asks whether a scale is negative need not read the weight it is computed from.
  virtual std::optional<float> lower_bound(size_t /*output*/) const { return std::nullopt; }

  // The grid that the values of output 0 lie on, if the expression knows: see grid_of.
  virtual std::optional<Grid> grid() const;

  // "transpose(cast<float32>(model.layers.0.q_proj.weight))": what a person and a cache key read.
  virtual std::string describe() const = 0;

 protected:
  Producer(std::vector<TensorType> outputs, int64_t tiles)
      : outputs_(std::move(outputs)), tiles_(tiles) {}
  explicit Producer(TensorType output);

 private:
  std::vector<TensorType> outputs_;
  int64_t tiles_;
};

class Tensor {
 public:
  Tensor() = default;
  Tensor(std::shared_ptr<const Producer> producer, size_t output = 0)
      : producer_(std::move(producer)), output_(output) {}

  bool valid() const { return producer_ != nullptr; }
  const TensorType& type() const { return producer_->outputs()[output_]; }
  DType dtype() const { return type().dtype; }
  const Shape& shape() const { return type().shape; }
  int64_t bytes() const { return type().bytes(); }

  const std::shared_ptr<const Producer>& producer() const { return producer_; }
  size_t output() const { return output_; }
  std::string describe() const;
  std::optional<float> lower_bound() const { return producer_->lower_bound(output_); }

  // All values, packed, row-major.
  Result<std::vector<std::byte>> materialize() const;
  // All values converted to float32 / int64; the dtype must be a float / an integer one.
  Result<std::vector<float>> to_floats() const;
  Result<std::vector<int64_t>> to_integers() const;

 private:
  std::shared_ptr<const Producer> producer_;
  size_t output_ = 0;
};

}  // namespace lapidary::tensor
