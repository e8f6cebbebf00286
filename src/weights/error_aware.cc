#include "weights/error_aware.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "tensor/expressions.h"
#include "weights/row_scales.h"
#include "weights/stripes.h"

namespace lapidary::weights {
namespace {

using quant::RoundingFactors;
using tensor::Box;
using tensor::Tensor;

constexpr int64_t kColumns = 1024;  // read at a time, of a block's channels

// Names the moments in descriptions: two weights of equal text have equal codes.
std::string fingerprint(const quant::BlockMoments& moments) {
  uint64_t hash = 14695981039346656037U;
  for (const float sum : moments.sums) {
    hash = (hash ^ std::bit_cast<uint32_t>(sum)) * 1099511628211U;
  }
  return std::to_string(hash);
}

class ErrorAwareCodes final : public tensor::Producer {
 public:
  ErrorAwareCodes(Tensor weight, DType type, std::shared_ptr<const RowScales> scales,
                  std::shared_ptr<const RoundingFactors> factors)
      : Producer({type, weight.shape()}),
        weight_(std::move(weight)),
        type_(type),
        scales_(std::move(scales)),
        factors_(std::move(factors)) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    return read_box({begin, end, 0, outputs()[0].cols()}, outs[0]);
  }

  Status read_box(const Box& box, std::span<std::byte> out) const override {
    if (box.rows() == 0 || box.cols() == 0) return {};
    const int64_t block_size = factors_->moments().block_size;
    for (int64_t b = box.row_begin / block_size; b * block_size < box.row_end; ++b) {
      for (int64_t c = box.col_begin; c < box.col_end; c += kColumns) {
        LAP_RETURN_IF_ERROR(round(b, {c, std::min(c + kColumns, box.col_end)}, box, out));
      }
    }
    return {};
  }

  std::string describe() const override {
    return fmt::format("round_error_aware<{}, moments {}>({})", scales_->describe(),
                       fingerprint(factors_->moments()), weight_.describe());
  }

 private:
  struct Columns {
    int64_t begin, end;
    int64_t count() const { return end - begin; }
  };

  // All of the block's rows are rounded, though the box may want some of them only.
  Status round(int64_t b, const Columns& columns, const Box& box, std::span<std::byte> out) const {
    const int64_t first = b * factors_->moments().block_size;
    const int64_t width = factors_->moments().width(b);
    std::vector<float> values(size(width * columns.count()));
    LAP_RETURN_IF_ERROR(
        weight_.producer()->read_box({first, first + width, columns.begin, columns.end},
                                     std::as_writable_bytes(std::span(values))));
    if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
      return bad_input(weight_.describe(), "holds a value that is not finite",
                       "only finite weights can be quantized");
    }
    LAP_ASSIGN_OR_RETURN(const std::span<const float> scales, scales_->get());
    LAP_ASSIGN_OR_RETURN(const quant::RoundingFactor* factor, factors_->block(b));
    std::vector<int32_t> codes(values.size());
    quant::round_error_aware(values, *factor,
                             scales.subspan(size(columns.begin), size(columns.count())),
                             quant::codes_of(type_, true), codes);
    const size_t row_bytes = quant::packed_bytes(type_, size(box.cols()));
    const size_t skip = quant::packed_bytes(type_, size(columns.begin - box.col_begin));
    for (int64_t r = std::max(first, box.row_begin); r < std::min(first + width, box.row_end);
         ++r) {
      const auto row =
          std::span(codes).subspan(size((r - first) * columns.count()), size(columns.count()));
      quant::pack(row, type_, out.subspan(size(r - box.row_begin) * row_bytes + skip));
    }
    return {};
  }

  Tensor weight_;
  DType type_;
  std::shared_ptr<const RowScales> scales_;
  std::shared_ptr<const RoundingFactors> factors_;
};

}  // namespace

AffineWeight round_channels_error_aware(const Tensor& weight, DType type,
                                        std::shared_ptr<const RoundingFactors> factors) {
  assert(weight.shape().size() == 2 && weight.shape()[0] == factors->moments().channels);
  assert(reason_against_channels(weight, 1, type).empty());
  const Tensor floats = tensor::cast(weight, DType::kFloat);
  const auto scales =
      std::make_shared<RowScales>(tensor::transpose(floats), type, factors->importance());
  return {Tensor(std::make_shared<ErrorAwareCodes>(floats, type, scales, std::move(factors))),
          scales_tensor(scales, floats), zero_points(type, weight.shape()[1])};
}

}  // namespace lapidary::weights
