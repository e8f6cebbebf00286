#include "calibration/moments.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace lapidary::calibration {
namespace {

// Adds x_i x_j, i <= j < width, of `rows` rows that begin `stride` floats apart. Four rows at a
// time, so that a sum is read and written once for four products.
void add_products(const float* x, int64_t rows, int64_t stride, int64_t width, float* sums) {
  const auto at = [&](int64_t row) { return x + row * stride; };
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    const float* a = at(row);
    const float* b = at(row + 1);
    const float* c = at(row + 2);
    const float* d = at(row + 3);
    for (int64_t i = 0; i < width; ++i) {
      float* out = sums + i * width;
      for (int64_t j = i; j < width; ++j) {
        out[j] += (a[i] * a[j] + b[i] * b[j]) + (c[i] * c[j] + d[i] * d[j]);
      }
    }
  }
  for (; row < rows; ++row) {
    const float* a = at(row);
    for (int64_t i = 0; i < width; ++i) {
      float* out = sums + i * width;
      for (int64_t j = i; j < width; ++j) out[j] += a[i] * a[j];
    }
  }
}

void mirror(float* block, int64_t width) {
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = i + 1; j < width; ++j) block[j * width + i] = block[i * width + j];
  }
}

}  // namespace

Status MomentCollector::add(const ort::Observed& value) {
  if (value.shape.empty() || value.shape.back() < 1) {
    return bad_input("second moments", "the value has no channels");
  }
  const int64_t channels = value.shape.back();
  const int64_t block = moments_.block_size;
  if (moments_.channels == 0) {
    moments_.channels = channels;
    moments_.sums.resize(static_cast<size_t>(moments_.blocks() * block * block));
    sample_.resize(static_cast<size_t>(block * block));
  }
  if (channels != moments_.channels) {
    return bad_input("second moments", fmt::format("the value has {} channels, and had {}",
                                                   channels, moments_.channels));
  }
  const int64_t rows = static_cast<int64_t>(value.values.size()) / channels;
  for (int64_t i = 0; i < moments_.blocks(); ++i) {
    const int64_t width = moments_.width(i);
    // A sample's products are added up by themselves first: small numbers added one by one to a
    // large sum would be lost.
    const auto sums = std::span(sample_).first(static_cast<size_t>(width * width));
    std::fill(sums.begin(), sums.end(), 0.0F);
    add_products(value.values.data() + i * block, rows, channels, width, sums.data());
    float* all = moments_.sums.data() + i * block * block;
    for (size_t k = 0; k < sums.size(); ++k) all[k] += sums[k];
  }
  moments_.rows += rows;
  return {};
}

Result<quant::BlockMoments> MomentCollector::take() {
  if (moments_.rows == 0) return bad_input("second moments", "no sample was seen");
  const auto finite = [](float sum) { return std::isfinite(sum); };
  if (!std::all_of(moments_.sums.begin(), moments_.sums.end(), finite)) {
    return bad_input("second moments", "a value, or a sum of products, is not finite");
  }
  for (int64_t i = 0; i < moments_.blocks(); ++i) {
    mirror(moments_.sums.data() + i * moments_.block_size * moments_.block_size, moments_.width(i));
  }
  return std::move(moments_);
}

Result<quant::Moments> collect_moments(const graph::Graph& graph,
                                       const std::vector<std::string>& values, int64_t block_size,
                                       SampleSource& samples, const RunOptions& options) {
  if (block_size < 1 || block_size > kWidestMomentBlock) {
    return bad_input("second moments", fmt::format("blocks of {} channels", block_size),
                     fmt::format("choose 1 to {}", kWidestMomentBlock));
  }
  std::vector<MomentCollector> collectors(values.size(), MomentCollector(block_size));
  LAP_RETURN_IF_ERROR(observe_samples(
      graph, values, samples, options,
      [&](size_t i, const ort::Observed& value) { return collectors[i].add(value); }));
  quant::Moments out;
  for (size_t i = 0; i < values.size(); ++i) {
    auto moments = collectors[i].take();
    if (!moments.ok()) return about_value(values[i], moments.take_error());
    out.emplace(values[i], *std::move(moments));
  }
  return out;
}

}  // namespace lapidary::calibration
