#include "weights/row_scales.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "quant/error_aware_rounding.h"
#include "weights/stripes.h"

namespace lapidary::weights {
namespace {

using tensor::Tensor;

Error named(Error error, const Tensor& weight) {
  error.where = weight.describe() + (error.where.empty() ? "" : ", " + error.where);
  return error;
}

class ScalesTensor final : public tensor::Producer {
 public:
  ScalesTensor(std::shared_ptr<const RowScales> scales, const Tensor& weight)
      : Producer({DType::kFloat, {scales->count()}}),
        scales_(std::move(scales)),
        text_(fmt::format("scales<{}>({})", scales_->describe(), weight.describe())) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    if (begin == end) return {};
    LAP_ASSIGN_OR_RETURN(const std::span<const float> values, scales_->get());
    std::memcpy(outs[0].data(), values.data(), values.size_bytes());
    return {};
  }
  // A symmetric scale is a distance between codes; that of a row of zeros is 1 (quant/affine.h).
  std::optional<float> lower_bound(size_t /*output*/) const override { return 0.0F; }
  std::string describe() const override { return text_; }

 private:
  std::shared_ptr<const RowScales> scales_;
  std::string text_;
};

}  // namespace

RowScales::RowScales(Tensor rows, DType type, quant::ScaleSearch search)
    : rows_(std::move(rows)), type_(type), search_(search) {}

RowScales::RowScales(Tensor rows, DType type, std::vector<float> importance)
    : rows_(std::move(rows)), type_(type), importance_(std::move(importance)) {}

Result<std::span<const float>> RowScales::get() const {
  const std::lock_guard lock(mutex_);
  if (scales_.empty()) LAP_RETURN_IF_ERROR(compute());
  return std::span<const float>(scales_);
}

std::string RowScales::describe() const {
  const std::string search = search_ == quant::ScaleSearch::kMse ? ", mse" : ", min-max";
  return std::string(name_of(type_)) + (importance_.empty() ? search : ", weighted mse");
}

Status RowScales::find(std::span<const float> rows, size_t k, std::span<float> scales) const {
  if (importance_.empty()) return quant::channel_scales(rows, k, type_, search_, scales);
  return quant::weighted_channel_scales(rows, k, type_, importance_, scales);
}

Status RowScales::compute() const {
  const int64_t k = rows_.shape()[1];
  const int64_t group = std::max<int64_t>(1, kScratchFloats / k);
  std::vector<float> scales(size(count()));
  std::vector<float> scratch(size(std::min(group, count()) * k));
  for (int64_t r = 0; r < count(); r += group) {
    const int64_t n = std::min(group, count() - r);
    const std::span<float> values = std::span(scratch).first(size(n * k));
    LAP_RETURN_IF_ERROR(
        rows_.producer()->read_box({r, r + n, 0, k}, std::as_writable_bytes(values)));
    Status status = find(values, size(k), std::span(scales).subspan(size(r), size(n)));
    if (!status.ok()) return named(status.take_error(), rows_);
  }
  scales_ = std::move(scales);
  return {};
}

Tensor scales_tensor(std::shared_ptr<const RowScales> scales, const Tensor& weight) {
  return Tensor(std::make_shared<ScalesTensor>(std::move(scales), weight));
}

}  // namespace lapidary::weights
