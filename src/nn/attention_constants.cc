#include "nn/attention_constants.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>
#include <utility>

#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

using tensor::Shape;
using tensor::Tensor;

size_t index(int64_t i) { return static_cast<size_t>(i); }

// A small float32 tensor, computed as a whole when it is first read.
class Computed : public tensor::Producer {
 public:
  explicit Computed(Shape shape) : Producer({DType::kFloat, std::move(shape)}) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    const std::lock_guard lock(mutex_);
    if (values_.empty()) {
      LAP_ASSIGN_OR_RETURN(values_, compute());
    }
    const int64_t cols = outputs()[0].cols();
    std::memcpy(outs[0].data(), values_.data() + begin * cols,
                index((end - begin) * cols) * sizeof(float));
    return {};
  }

 protected:
  virtual Result<std::vector<float>> compute() const = 0;

 private:
  mutable std::mutex mutex_;
  mutable std::vector<float> values_;  // empty: not yet computed
};

class QueryScale final : public Computed {
 public:
  QueryScale(Tensor per_dim_scale, double factor)
      : Computed(per_dim_scale.shape()), raw_(std::move(per_dim_scale)), factor_(factor) {}

  std::string describe() const override {
    return fmt::format("softplus({}) * {:f}", raw_.describe(), factor_);
  }

 private:
  Result<std::vector<float>> compute() const override {
    LAP_ASSIGN_OR_RETURN(std::vector<float> values, raw_.to_floats());
    for (float& x : values) {
      const auto raw = static_cast<double>(x);
      const double softplus = std::max(raw, 0.0) + std::log1p(std::exp(-std::abs(raw)));
      x = static_cast<float>(softplus * factor_);
    }
    return values;
  }

  Tensor raw_;
  double factor_;
};

class RelativeKeys final : public Computed {
 public:
  RelativeKeys(Tensor projection, const ChunkedAttentionShape& shape, double factor)
      : Computed({shape.heads, shape.head_dim, shape.positions()}),
        projection_(std::move(projection)),
        shape_(shape),
        factor_(factor) {}

  std::string describe() const override {
    return fmt::format("relative_keys<{} heads, {} positions, times {:f}>({})", shape_.heads,
                       shape_.positions(), factor_, projection_.describe());
  }

 private:
  Result<std::vector<float>> compute() const override {
    LAP_ASSIGN_OR_RETURN(const std::vector<float> rows, projection_.to_floats());
    const int64_t hidden = shape_.hidden();
    const int64_t positions = shape_.positions();
    const std::vector<double> table = table_by_dim();
    std::vector<float> keys;
    keys.reserve(index(hidden * positions));
    std::vector<double> sums(index(positions));  // side by side, as one would wait for itself
    for (int64_t channel = 0; channel < hidden; ++channel) {
      std::fill(sums.begin(), sums.end(), 0);
      for (int64_t i = 0; i < hidden; ++i) {
        const auto weight = static_cast<double>(rows[index(channel * hidden + i)]);
        const double* of_dim = table.data() + i * positions;
        for (int64_t p = 0; p < positions; ++p) sums[index(p)] += weight * of_dim[p];
      }
      for (const double sum : sums) keys.push_back(static_cast<float>(sum * factor_));
    }
    return keys;
  }

  // [hidden, positions]
  std::vector<double> table_by_dim() const {
    const std::vector<float> table = relative_position_table(shape_);
    const int64_t hidden = shape_.hidden();
    const int64_t positions = shape_.positions();
    std::vector<double> out(table.size());
    for (int64_t p = 0; p < positions; ++p) {
      for (int64_t i = 0; i < hidden; ++i) {
        out[index(i * positions + p)] = static_cast<double>(table[index(p * hidden + i)]);
      }
    }
    return out;
  }

  Tensor projection_;
  ChunkedAttentionShape shape_;
  double factor_;
};

}  // namespace

Tensor query_scale(const Tensor& per_dim_scale, double factor) {
  return Tensor(std::make_shared<QueryScale>(per_dim_scale, factor));
}

Tensor relative_keys(const Tensor& relative_k_proj, const ChunkedAttentionShape& shape,
                     double factor) {
  return Tensor(std::make_shared<RelativeKeys>(relative_k_proj, shape, factor));
}

}  // namespace lapidary::nn
