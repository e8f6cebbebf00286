#include "weights/affine.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "tensor/expressions.h"
#include "weights/row_scales.h"
#include "weights/stripes.h"

namespace lapidary::weights {
namespace {

using quant::Affine;
using quant::CodeRange;
using tensor::Box;
using tensor::Shape;
using tensor::Tensor;
using tensor::TensorType;

// Codes of a float32 tensor, cut anywhere.
class Codes : public tensor::Producer {
 public:
  Codes(Tensor weight, DType type)
      : Producer(TensorType{type, weight.shape()}), weight_(std::move(weight)), type_(type) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    return read_box({begin, end, 0, outputs()[0].cols()}, outs[0]);
  }

  Status read_box(const Box& box, std::span<std::byte> out) const override {
    const int64_t cols = box.cols();
    if (cols == 0) return {};
    const int64_t group = std::max<int64_t>(1, kScratchFloats / cols);
    std::vector<float> values(size(std::min(group, box.rows()) * cols));
    std::vector<int32_t> codes(values.size());
    for (int64_t r = box.row_begin; r < box.row_end; r += group) {
      const Box part{r, std::min(r + group, box.row_end), box.col_begin, box.col_end};
      const size_t count = size(part.rows() * cols);
      LAP_RETURN_IF_ERROR(weight_.producer()->read_box(
          part, std::as_writable_bytes(std::span(values).first(count))));
      for (size_t i = 0; i < count; ++i) {
        if (!std::isfinite(values[i])) {
          return bad_input(weight_.describe(), "holds a value that is not finite",
                           "only finite weights can be quantized");
        }
      }
      LAP_RETURN_IF_ERROR(quantize(part, std::span(values).first(count), codes));
      const size_t at = quant::packed_bytes(type_, size((r - box.row_begin) * cols));
      quant::pack(std::span(codes).first(count), type_,
                  out.subspan(at, quant::packed_bytes(type_, count)));
    }
    return {};
  }

 protected:
  virtual Status quantize(const Box& box, std::span<const float> values,
                          std::span<int32_t> codes) const = 0;
  const Tensor& weight() const { return weight_; }
  DType type() const { return type_; }

 private:
  Tensor weight_;
  DType type_;
};

class ChannelCodes final : public Codes {
 public:
  ChannelCodes(const Tensor& weight, DType type, std::shared_ptr<const RowScales> scales,
               bool by_row)
      : Codes(weight, type), scales_(std::move(scales)), by_row_(by_row) {}

  std::string describe() const override {
    return fmt::format("quantize<{}{}>({})", scales_->describe(),
                       by_row_ ? ", per row" : ", per column", weight().describe());
  }

 protected:
  Status quantize(const Box& box, std::span<const float> values,
                  std::span<int32_t> codes) const override {
    LAP_ASSIGN_OR_RETURN(const std::span<const float> scales, scales_->get());
    const CodeRange range = quant::codes_of(type(), true);
    size_t i = 0;
    for (int64_t r = box.row_begin; r < box.row_end; ++r) {
      for (int64_t c = box.col_begin; c < box.col_end; ++c, ++i) {
        codes[i] = quant::code_of(values[i], {scales[size(by_row_ ? r : c)], 0}, range);
      }
    }
    return {};
  }

 private:
  std::shared_ptr<const RowScales> scales_;
  bool by_row_;
};

class TensorCodes final : public Codes {
 public:
  TensorCodes(const Tensor& weight, DType type, const Affine& affine)
      : Codes(weight, type), affine_(affine) {}

  std::string describe() const override {
    return "quantize<" + std::string(name_of(type())) + ", scale bits " +
           std::to_string(std::bit_cast<uint32_t>(affine_.scale)) + ", zero point " +
           std::to_string(affine_.zero_point) + ">(" + weight().describe() + ")";
  }

 protected:
  Status quantize(const Box&, std::span<const float> values,
                  std::span<int32_t> codes) const override {
    const CodeRange range = quant::codes_of(type(), false);
    for (size_t i = 0; i < values.size(); ++i) {
      codes[i] = quant::code_of(values[i], affine_, range);
    }
    return {};
  }

 private:
  Affine affine_;
};

}  // namespace

AffineWeight quantize_channels(const Tensor& weight, size_t axis, DType type,
                               quant::ScaleSearch search) {
  assert(reason_against_channels(weight, axis, type).empty());
  const Tensor floats = tensor::cast(weight, DType::kFloat);
  const bool by_row = axis == 0;
  const int64_t channels = floats.shape()[axis];
  const int64_t others = floats.type().elements() / channels;
  const Tensor matrix =
      tensor::reshape(floats, by_row ? Shape{channels, others} : Shape{others, channels});
  const auto scales =
      std::make_shared<RowScales>(by_row ? matrix : tensor::transpose(matrix), type, search);
  const Tensor codes(std::make_shared<ChannelCodes>(matrix, type, scales, by_row));
  return {tensor::reshape(codes, weight.shape()), scales_tensor(scales, matrix),
          zero_points(type, channels)};
}

AffineWeight quantize_tensor(const Tensor& weight, const Affine& affine, DType type) {
  const Tensor floats = tensor::cast(weight, DType::kFloat);
  return {Tensor(std::make_shared<TensorCodes>(floats, type, affine)), scale_tensor(affine),
          zero_point_tensor(affine, type)};
}

Tensor zero_points(DType type, int64_t channels) {
  const TensorType tensor_type{type, {channels}};
  return tensor::literal(tensor_type, std::vector<std::byte>(size(tensor_type.bytes())));
}

Tensor scale_tensor(const Affine& affine) { return tensor::scalar(affine.scale); }

Tensor zero_point_tensor(const Affine& affine, DType type) {
  const TensorType tensor_type{type, {}};
  std::vector<std::byte> bytes(size(tensor_type.bytes()));
  quant::pack(std::span(&affine.zero_point, 1), type, bytes);
  return tensor::literal(tensor_type, std::move(bytes));
}

Result<quant::Range> range_of(const Tensor& weight) {
  const Tensor floats = tensor::cast(weight, DType::kFloat);
  const int64_t cols = floats.type().cols();
  const int64_t rows = floats.type().rows();
  const int64_t group = std::max<int64_t>(1, kScratchFloats / std::max<int64_t>(1, cols));
  std::vector<float> values(size(std::min(group, rows) * cols));
  quant::Range range;
  bool first = true;
  for (int64_t r = 0; r < rows; r += group) {
    const int64_t end = std::min(r + group, rows);
    const auto part = std::span(values).first(size((end - r) * cols));
    LAP_RETURN_IF_ERROR(
        floats.producer()->read_box({r, end, 0, cols}, std::as_writable_bytes(part)));
    for (const float x : part) {
      if (!std::isfinite(x)) {
        return bad_input(weight.describe(), "holds a value that is not finite",
                         "only finite weights can be quantized");
      }
      range = first ? quant::Range{x, x} : quant::united(range, {x, x});
      first = false;
    }
  }
  return range;
}

std::string reason_against_channels(const Tensor& weight, size_t axis, DType type) {
  const Shape& shape = weight.shape();
  if (!is_float(weight.dtype()) || weight.dtype() == DType::kDouble) {
    return fmt::format("the weight is {}", name_of(weight.dtype()));
  }
  if (weight.type().elements() == 0) return "the weight is empty";
  if (shape.empty() || (axis != 0 && axis + 1 != shape.size())) {
    return "channels lie along a dim in the middle of the weight";
  }
  if (type == DType::kInt4 && shape.back() % 2 != 0) {
    return fmt::format("rows of {} codes do not fill whole bytes", shape.back());
  }
  return "";
}

}  // namespace lapidary::weights
