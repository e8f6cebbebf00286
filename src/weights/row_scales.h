// Symmetric scales of a weight's output channels, found when they are first asked for.
//
//   const auto scales = std::make_shared<RowScales>(rows, DType::kInt4, search);
//   tensor::Tensor scale = scales_tensor(scales, weight);                      // [N] of [N, K]
//   LAP_ASSIGN_OR_RETURN(const std::span<const float> values, scales->get());  // reads the weight
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "quant/affine.h"
#include "tensor/tensor.h"

namespace lapidary::weights {

// Of the rows of a float32 matrix, read once, in groups of rows. Only the scales are kept. Safe to
// ask from several threads at once.
class RowScales {
 public:
  RowScales(tensor::Tensor rows, DType type, quant::ScaleSearch search);
  // Those of least squared error weighted by `importance`, one for each column.
  RowScales(tensor::Tensor rows, DType type, std::vector<float> importance);

  // kBadInput: a weight that is not finite.
  Result<std::span<const float>> get() const;
  std::string describe() const;  // "int4, mse"
  int64_t count() const { return rows_.shape()[0]; }

 private:
  Status compute() const;
  Status find(std::span<const float> rows, size_t k, std::span<float> scales) const;

  tensor::Tensor rows_;
  DType type_;
  quant::ScaleSearch search_ = quant::ScaleSearch::kMse;
  std::vector<float> importance_;  // empty: none
  mutable std::mutex mutex_;
  mutable std::vector<float> scales_;  // empty: not yet computed
};

// As a tensor, [count]; `weight` is named in its description.
tensor::Tensor scales_tensor(std::shared_ptr<const RowScales> scales, const tensor::Tensor& weight);

}  // namespace lapidary::weights
