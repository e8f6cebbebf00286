#include "tensor/expressions.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <functional>

#include "base/float_types.h"
#include "tensor/grid.h"

namespace lapidary::tensor {
namespace {

size_t size(int64_t n) { return static_cast<size_t>(n); }

constexpr int64_t kScratchBytes = 128 << 10;

class FileBytes final : public Producer {
 public:
  FileBytes(std::shared_ptr<const MappedFile> file, int64_t offset, TensorType type,
            std::string name, std::shared_ptr<ReadObserver> observer)
      : Producer(std::move(type)),
        file_(std::move(file)),
        offset_(offset),
        name_(std::move(name)),
        observer_(std::move(observer)) {
    assert(offset_ >= 0 && size(offset_ + outputs()[0].bytes()) <= file_->bytes().size());
  }

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    const TensorType& type = outputs()[0];
    const int64_t from = offset_ + bytes_of(type.dtype, begin * type.cols());
    const int64_t length = bytes_of(type.dtype, (end - begin) * type.cols());
    const std::span<std::byte> rows = outs[0].first(size(length));
    LAP_RETURN_IF_ERROR(file_->read(size(from), rows));
    if (observer_ != nullptr) observer_->saw_rows(begin, rows);
    return {};
  }

  Status read_box(const Box& box, std::span<std::byte> out) const override {
    const TensorType& type = outputs()[0];
    if (out.empty()) return {};
    if (box.cols() == type.cols()) {
      return read_tiles(box.row_begin, box.row_end, std::span(&out, 1));
    }
    const int64_t row_bytes = bytes_of(type.dtype, type.cols());
    const int64_t keep = bytes_of(type.dtype, box.cols());
    const std::byte* from = file_->bytes().data() + offset_ + bytes_of(type.dtype, box.col_begin);
    // A narrow column of a large matrix touches every page of it: let go of them as we walk.
    const int64_t group = std::max<int64_t>(1, (8 << 20) / std::max<int64_t>(1, row_bytes));
    std::byte* to = out.data();
    if (observer_ != nullptr) observer_->saw_columns();
    for (int64_t r = box.row_begin; r < box.row_end; r += group) {
      const int64_t end = std::min(r + group, box.row_end);
      for (int64_t i = r; i < end; ++i, to += keep) {
        std::memcpy(to, from + i * row_bytes, size(keep));
      }
      file_->release(size(offset_ + r * row_bytes), size((end - r) * row_bytes));
    }
    return file_->intact();
  }

  std::string describe() const override { return name_; }

 private:
  std::shared_ptr<const MappedFile> file_;
  int64_t offset_;
  std::string name_;
  std::shared_ptr<ReadObserver> observer_;  // may be null
};

class Literal final : public Producer {
 public:
  Literal(TensorType type, std::vector<std::byte> bytes)
      : Producer(std::move(type)), bytes_(std::move(bytes)) {
    assert(static_cast<int64_t>(bytes_.size()) == outputs()[0].bytes());
  }

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    const TensorType& type = outputs()[0];
    const int64_t from = bytes_of(type.dtype, begin * type.cols());
    const int64_t to = bytes_of(type.dtype, end * type.cols());
    if (to > from) std::memcpy(outs[0].data(), bytes_.data() + from, size(to - from));
    return {};
  }

  std::string describe() const override {
    // Small values are part of the text, so that a cache key sees a changed constant.
    uint64_t hash = 14695981039346656037ull;
    for (const std::byte b : bytes_) hash = (hash ^ static_cast<uint64_t>(b)) * 1099511628211ull;
    const TensorType& type = outputs()[0];
    return fmt::format("literal<{}>{}{{{:016x}}}", name_of(type.dtype), to_string(type.shape),
                       hash);
  }

 private:
  std::vector<std::byte> bytes_;
};

// An elementwise or reshaping view of one operand.
class Unary : public Producer {
 public:
  Unary(TensorType type, Tensor operand) : Producer(std::move(type)), operand_(std::move(operand)) {
    // Only expressions with one output are operands: quantizers end a chain.
    assert(operand_.producer()->outputs().size() == 1);
  }
  const Tensor& operand() const { return operand_; }

 protected:
  const Producer& source() const { return *operand_.producer(); }

 private:
  Tensor operand_;
};

class Reshape final : public Unary {
 public:
  using Unary::Unary;

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    const TensorType& type = outputs()[0];
    const TensorType& from = operand().type();
    const int64_t first = begin * type.cols();
    const int64_t last = end * type.cols();
    if (first == last) return {};
    const int64_t cols = from.cols();
    if (first % cols == 0 && last % cols == 0) {
      return source().read_tiles(first / cols, last / cols, outs);
    }
    // The wanted run starts or ends inside an operand's row: read the covering rows.
    const int64_t row_begin = first / cols;
    const int64_t row_end = (last + cols - 1) / cols;
    std::vector<std::byte> rows(size(bytes_of(from.dtype, (row_end - row_begin) * cols)));
    const std::span<std::byte> target(rows);
    LAP_RETURN_IF_ERROR(source().read_tiles(row_begin, row_end, std::span(&target, 1)));
    std::memcpy(outs[0].data(), rows.data() + bytes_of(from.dtype, first - row_begin * cols),
                size(bytes_of(type.dtype, last - first)));
    return {};
  }

  std::string describe() const override {
    return fmt::format("reshape({}, {})", operand().describe(), to_string(outputs()[0].shape));
  }
};

class SliceRows final : public Unary {
 public:
  SliceRows(TensorType type, Tensor operand, int64_t first_row)
      : Unary(std::move(type), std::move(operand)), first_row_(first_row) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    return source().read_tiles(first_row_ + begin, first_row_ + end, outs);
  }
  Status read_box(const Box& box, std::span<std::byte> out) const override {
    return source().read_box(
        {first_row_ + box.row_begin, first_row_ + box.row_end, box.col_begin, box.col_end}, out);
  }
  std::string describe() const override {
    return fmt::format("slice_rows({}, {}, {})", operand().describe(), first_row_,
                       first_row_ + outputs()[0].rows());
  }

 private:
  int64_t first_row_;
};

class Elementwise : public Unary {
 public:
  using Unary::Unary;

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    return read_box({begin, end, 0, outputs()[0].cols()}, outs[0]);
  }

  Status read_box(const Box& box, std::span<std::byte> out) const override {
    const DType from = operand().dtype();
    const DType to = outputs()[0].dtype;
    const int64_t cols = box.cols();
    const int64_t group =
        std::max<int64_t>(1, kScratchBytes / std::max<int64_t>(1, bytes_of(from, cols)));
    std::vector<std::byte> scratch(size(bytes_of(from, std::min(group, box.rows()) * cols)));
    std::byte* target = out.data();
    for (int64_t r = box.row_begin; r < box.row_end; r += group) {
      const int64_t end = std::min(r + group, box.row_end);
      const int64_t n = (end - r) * cols;
      const auto part = std::span(scratch).first(size(bytes_of(from, n)));
      LAP_RETURN_IF_ERROR(source().read_box({r, end, box.col_begin, box.col_end}, part));
      apply(part.data(), target, n);
      target += bytes_of(to, n);
    }
    return {};
  }

 protected:
  virtual void apply(const std::byte* from, std::byte* to, int64_t count) const = 0;
};

float load_float(const std::byte* from, DType dtype, int64_t i) {
  if (dtype == DType::kFloat) {
    float value = 0;
    std::memcpy(&value, from + i * 4, 4);
    return value;
  }
  if (dtype == DType::kDouble) {
    double value = 0;
    std::memcpy(&value, from + i * 8, 8);
    return static_cast<float>(value);
  }
  uint16_t bits = 0;
  std::memcpy(&bits, from + i * 2, 2);
  return dtype == DType::kFloat16 ? float16_to_float(bits) : bfloat16_to_float(bits);
}

class Cast final : public Elementwise {
 public:
  using Elementwise::Elementwise;

  std::optional<Grid> grid() const override {
    return outputs()[0].dtype == DType::kFloat ? grid_of(operand()) : std::nullopt;
  }

  std::string describe() const override {
    return fmt::format("cast<{}>({})", name_of(outputs()[0].dtype), operand().describe());
  }

 protected:
  void apply(const std::byte* from, std::byte* to, int64_t count) const override {
    const DType source_type = operand().dtype();
    const DType target_type = outputs()[0].dtype;
    if (source_type == DType::kBfloat16 && target_type == DType::kFloat) {
      // The one conversion that every build does billions of times.
      for (int64_t i = 0; i < count; ++i) {
        uint16_t bits = 0;
        std::memcpy(&bits, from + i * 2, 2);
        const float value = bfloat16_to_float(bits);
        std::memcpy(to + i * 4, &value, 4);
      }
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      const float value = load_float(from, source_type, i);
      if (target_type == DType::kFloat) {
        std::memcpy(to + i * 4, &value, 4);
      } else {
        const uint16_t bits =
            target_type == DType::kFloat16 ? float_to_float16(value) : float_to_bfloat16(value);
        std::memcpy(to + i * 2, &bits, 2);
      }
    }
  }
};

// Each float32 value and a number.
template <typename Operation>
class WithNumber final : public Elementwise {
 public:
  WithNumber(TensorType type, Tensor operand, const char* name, float number)
      : Elementwise(std::move(type), std::move(operand)), name_(name), number_(number) {}

  std::string describe() const override {
    return fmt::format("{}({}, {:f})", name_, operand().describe(), number_);
  }

 protected:
  void apply(const std::byte* from, std::byte* to, int64_t count) const override {
    for (int64_t i = 0; i < count; ++i) {
      float value = 0;
      std::memcpy(&value, from + i * 4, 4);
      value = Operation()(value, number_);
      std::memcpy(to + i * 4, &value, 4);
    }
  }

 private:
  const char* name_;
  float number_;
};

template <typename T>
void transpose_block(const std::byte* from, std::byte* to, int64_t rows, int64_t cols) {
  // `from` is rows x cols; 16 x 16 blocks keep both sides in the cache.
  constexpr int64_t kBlock = 16;
  for (int64_t r0 = 0; r0 < rows; r0 += kBlock) {
    for (int64_t c0 = 0; c0 < cols; c0 += kBlock) {
      for (int64_t c = c0; c < std::min(c0 + kBlock, cols); ++c) {
        for (int64_t r = r0; r < std::min(r0 + kBlock, rows); ++r) {
          std::memcpy(to + (c * rows + r) * static_cast<int64_t>(sizeof(T)),
                      from + (r * cols + c) * static_cast<int64_t>(sizeof(T)), sizeof(T));
        }
      }
    }
  }
}

class Transpose final : public Unary {
 public:
  using Unary::Unary;

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    return read_box({begin, end, 0, outputs()[0].cols()}, outs[0]);
  }

  Status read_box(const Box& box, std::span<std::byte> out) const override {
    const Box flipped{box.col_begin, box.col_end, box.row_begin, box.row_end};
    std::vector<std::byte> scratch(out.size());
    LAP_RETURN_IF_ERROR(source().read_box(flipped, scratch));
    switch (bits_of(outputs()[0].dtype)) {
      case 8:
        transpose_block<uint8_t>(scratch.data(), out.data(), flipped.rows(), flipped.cols());
        break;
      case 16:
        transpose_block<uint16_t>(scratch.data(), out.data(), flipped.rows(), flipped.cols());
        break;
      case 32:
        transpose_block<uint32_t>(scratch.data(), out.data(), flipped.rows(), flipped.cols());
        break;
      case 64:
        transpose_block<uint64_t>(scratch.data(), out.data(), flipped.rows(), flipped.cols());
        break;
      default:
        return internal_error(describe(), "elements of this width cannot be transposed");
    }
    return {};
  }

  std::string describe() const override {
    return fmt::format("transpose({})", operand().describe());
  }
};

template <typename T>
Tensor literal_of(DType dtype, Shape shape, const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return literal({dtype, std::move(shape)}, std::move(bytes));
}

}  // namespace

Tensor from_file(std::shared_ptr<const MappedFile> file, int64_t offset, TensorType type,
                 std::string name, std::shared_ptr<ReadObserver> observer) {
  return Tensor(std::make_shared<FileBytes>(std::move(file), offset, std::move(type),
                                            std::move(name), std::move(observer)));
}

Tensor literal(TensorType type, std::vector<std::byte> bytes) {
  return Tensor(std::make_shared<Literal>(std::move(type), std::move(bytes)));
}
Tensor floats(Shape shape, const std::vector<float>& values) {
  return literal_of(DType::kFloat, std::move(shape), values);
}
Tensor integers(Shape shape, const std::vector<int64_t>& values) {
  return literal_of(DType::kInt64, std::move(shape), values);
}
Tensor scalar(float value) { return floats({}, {value}); }
Tensor scalar(int64_t value) { return integers({}, {value}); }

Tensor cast(const Tensor& x, DType dtype) {
  assert(is_float(x.dtype()) && is_float(dtype) && dtype != DType::kDouble);
  if (x.dtype() == dtype) return x;
  return Tensor(std::make_shared<Cast>(TensorType{dtype, x.shape()}, x));
}

Tensor transpose(const Tensor& x) {
  assert(x.shape().size() == 2);
  if (Tensor operand = transposed_operand(x); operand.valid()) return operand;
  return Tensor(
      std::make_shared<Transpose>(TensorType{x.dtype(), {x.shape()[1], x.shape()[0]}}, x));
}

Tensor reshape(const Tensor& x, Shape shape) {
  assert(element_count(shape) == x.type().elements());
  if (shape == x.shape()) return x;
  return Tensor(std::make_shared<Reshape>(TensorType{x.dtype(), std::move(shape)}, x));
}

Tensor slice_rows(const Tensor& x, int64_t begin, int64_t end) {
  assert(!x.shape().empty() && 0 <= begin && begin <= end && end <= x.shape()[0]);
  Shape shape = x.shape();
  shape[0] = end - begin;
  const int64_t rows_per_index = x.shape()[0] == 0 ? 0 : x.type().rows() / x.shape()[0];
  return Tensor(std::make_shared<SliceRows>(TensorType{x.dtype(), std::move(shape)}, x,
                                            begin * rows_per_index));
}

Tensor scale(const Tensor& x, float factor) {
  assert(x.dtype() == DType::kFloat);
  return Tensor(std::make_shared<WithNumber<std::multiplies<float>>>(x.type(), x, "scale", factor));
}

Tensor shift(const Tensor& x, float amount) {
  assert(x.dtype() == DType::kFloat);
  return Tensor(std::make_shared<WithNumber<std::plus<float>>>(x.type(), x, "shift", amount));
}

Tensor transposed_operand(const Tensor& x) {
  if (!x.valid()) return {};
  const auto* node = dynamic_cast<const Transpose*>(x.producer().get());
  return node == nullptr ? Tensor{} : node->operand();
}

}  // namespace lapidary::tensor
