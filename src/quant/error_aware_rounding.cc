#include "quant/error_aware_rounding.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

namespace lapidary::quant {
namespace {

size_t size(int64_t n) { return static_cast<size_t>(n); }

// Rounds to nearest even without a call: |x| < 2^22.
float rounded(float x) {
  constexpr float kShift = 12582912.0F;  // 1.5 * 2^23
  return (x + kShift) - kShift;
}

struct Limits {
  float min, max;
  explicit Limits(const CodeRange& range)
      : min(static_cast<float>(range.min)), max(static_cast<float>(range.max)) {}
  float code(float x) const { return rounded(std::min(std::max(x, min), max)); }
};

// A square matrix of float64, row-major.
class Square {
 public:
  explicit Square(size_t width) : width_(width), values_(width * width) {}
  double& at(size_t i, size_t j) { return values_[i * width_ + j]; }
  double at(size_t i, size_t j) const { return values_[i * width_ + j]; }
  size_t width() const { return width_; }

 private:
  size_t width_;
  std::vector<double> values_;
};

// Upper R with h = R R^T, in place of the upper half of h. False: h is not positive definite.
bool factor_from_the_end(Square& h) {
  for (size_t j = h.width(); j-- > 0;) {
    double diagonal = h.at(j, j);
    for (size_t k = j + 1; k < h.width(); ++k) diagonal -= h.at(j, k) * h.at(j, k);
    if (!(diagonal > 0)) return false;
    const double root = std::sqrt(diagonal);
    h.at(j, j) = root;
    for (size_t i = 0; i < j; ++i) {
      double sum = h.at(i, j);
      for (size_t k = j + 1; k < h.width(); ++k) sum -= h.at(i, k) * h.at(j, k);
      h.at(i, j) = sum / root;
    }
  }
  return true;
}

// U = R^-1, upper triangular too; returns U_ij / U_ii for j > i, row after row.
std::vector<float> ratios_of_inverse(const Square& r) {
  const size_t width = r.width();
  std::vector<float> out;
  out.reserve(width * (width - 1) / 2);
  std::vector<double> row(width);
  for (size_t i = 0; i < width; ++i) {
    // Row i of U times R is row i of the identity; U_ii = 1 / R_ii is divided out.
    std::fill(row.begin(), row.end(), 0.0);
    row[i] = 1;
    for (size_t j = i + 1; j < width; ++j) {
      double sum = 0;
      for (size_t k = i; k < j; ++k) sum -= row[k] * r.at(k, j);
      row[j] = sum / r.at(j, j);
      out.push_back(static_cast<float>(row[j]));
    }
  }
  return out;
}

float squared_error(std::span<const float> row, std::span<const float> importance, float scale,
                    const Limits& limits) {
  constexpr size_t kLanes = 8;
  const float inverse = 1.0F / scale;
  std::array<float, kLanes> sums{};
  size_t i = 0;
  for (; i + kLanes <= row.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float x = row[i + lane];
      const float error = x - scale * limits.code(x * inverse);
      sums[lane] += importance[i + lane] * error * error;
    }
  }
  for (; i < row.size(); ++i) {
    const float error = row[i] - scale * limits.code(row[i] * inverse);
    sums[0] += importance[i] * error * error;
  }
  return std::accumulate(sums.begin(), sums.end(), 0.0F);
}

float searched_scale(std::span<const float> row, std::span<const float> importance, float widest,
                     const Limits& limits) {
  constexpr int kSteps = 64;
  float best = widest;
  float least = squared_error(row, importance, widest, limits);
  for (int step = 1; step < kSteps; ++step) {
    const float scale =
        widest * (1.0F - 0.5F * static_cast<float>(step) / static_cast<float>(kSteps));
    if (scale < std::numeric_limits<float>::min()) break;
    const float error = squared_error(row, importance, scale, limits);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

}  // namespace

Result<RoundingFactor> rounding_factor(std::span<const float> sums, int64_t width, double damping) {
  const size_t n = size(width);
  if (width < 1 || sums.size() != n * n || !(damping > 0)) {
    return bad_input("rounding_factor", "moments, width and damping do not fit");
  }
  double mean = 0;
  for (size_t i = 0; i < sums.size(); ++i) {
    const bool diagonal = i % (n + 1) == 0;
    if (!std::isfinite(sums[i]) || (diagonal && sums[i] < 0)) {
      return bad_input(fmt::format("second moment {}", i),
                       "is not a finite number, or the square of none",
                       "calibrate on data for which the model computes finite values");
    }
    if (diagonal) mean += static_cast<double>(sums[i]) / static_cast<double>(n);
  }
  RoundingFactor out;
  out.order.resize(n);
  std::iota(out.order.begin(), out.order.end(), 0);
  const auto square = [&](int32_t i) { return sums[static_cast<size_t>(i) * (n + 1)]; };
  std::stable_sort(out.order.begin(), out.order.end(),
                   [&](int32_t a, int32_t b) { return square(a) > square(b); });
  if (mean < std::numeric_limits<double>::min()) {  // nothing seen: nothing goes together
    out.ratios.assign(n * (n - 1) / 2, 0.0F);
    return out;
  }
  Square h(n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i; j < n; ++j) {
      // As matrices of sums may be symmetric but for rounding, the upper half is taken throughout.
      const auto [a, b] = std::minmax(out.order[i], out.order[j]);
      h.at(i, j) =
          static_cast<double>(sums[static_cast<size_t>(a) * n + static_cast<size_t>(b)]) / mean;
    }
    h.at(i, i) += damping;
  }
  if (!factor_from_the_end(h)) {
    return bad_input("second moments", "are not those of any values",
                     "collect them anew from the calibration data");
  }
  out.ratios = ratios_of_inverse(h);
  return out;
}

RoundingFactors::RoundingFactors(std::shared_ptr<const BlockMoments> moments, double damping)
    : moments_(std::move(moments)), damping_(damping), blocks_(size(moments_->blocks())) {}

Result<const RoundingFactor*> RoundingFactors::block(int64_t i) const {
  {
    const std::lock_guard lock(mutex_);
    if (blocks_[size(i)]) return blocks_[size(i)].get();
  }
  // Two threads may find the same factor; the first one's is kept.
  LAP_ASSIGN_OR_RETURN(RoundingFactor factor,
                       rounding_factor(moments_->block(i), moments_->width(i), damping_));
  const std::lock_guard lock(mutex_);
  if (!blocks_[size(i)]) blocks_[size(i)] = std::make_unique<RoundingFactor>(std::move(factor));
  return blocks_[size(i)].get();
}

std::vector<float> RoundingFactors::importance() const {
  std::vector<double> squares;
  squares.reserve(size(moments_->channels));
  for (int64_t i = 0; i < moments_->blocks(); ++i) {
    const auto width = size(moments_->width(i));
    for (size_t k = 0; k < width; ++k) {
      squares.push_back(static_cast<double>(moments_->block(i)[k * (width + 1)]));
    }
  }
  const double mean = std::accumulate(squares.begin(), squares.end(), 0.0) /
                      static_cast<double>(std::max<size_t>(1, squares.size()));
  std::vector<float> out(squares.size(), 1.0F);
  if (!(mean >= std::numeric_limits<double>::min())) return out;
  std::transform(squares.begin(), squares.end(), out.begin(),
                 [&](double x) { return static_cast<float>(x / mean + damping_); });
  return out;
}

Status weighted_channel_scales(std::span<const float> rows, size_t k, DType type,
                               std::span<const float> importance, std::span<float> scales) {
  if (importance.size() != k) {
    return bad_input("weighted_channel_scales", "one importance for each input channel is wanted");
  }
  LAP_RETURN_IF_ERROR(channel_scales(rows, k, type, ScaleSearch::kMinMax, scales));
  const Limits limits(codes_of(type, true));
  for (size_t r = 0; r < scales.size(); ++r) {
    scales[r] = searched_scale(rows.subspan(r * k, k), importance, scales[r], limits);
  }
  return {};
}

void round_error_aware(std::span<const float> weights, const RoundingFactor& factor,
                       std::span<const float> scales, const CodeRange& range,
                       std::span<int32_t> codes) {
  constexpr size_t kColumns = 64;  // of 128 channels: 32 kB, what a first-level cache holds
  const Limits limits(range);
  const size_t width = factor.order.size();
  const size_t n = scales.size();
  std::vector<float> left(width * kColumns);  // what is still to be rounded, in the factor's order
  std::array<float, kColumns> errors{};
  for (size_t begin = 0; begin < n; begin += kColumns) {
    const size_t columns = std::min(kColumns, n - begin);
    for (size_t i = 0; i < width; ++i) {
      const float* row = &weights[static_cast<size_t>(factor.order[i]) * n + begin];
      std::copy(row, row + columns, &left[i * kColumns]);
    }
    const float* ratio = factor.ratios.data();
    for (size_t i = 0; i < width; ++i) {
      const float* row = &left[i * kColumns];
      int32_t* out = &codes[static_cast<size_t>(factor.order[i]) * n + begin];
      for (size_t c = 0; c < columns; ++c) {
        const float code = limits.code(row[c] / scales[begin + c]);
        errors[c] = row[c] - code * scales[begin + c];
        out[c] = static_cast<int32_t>(code);
      }
      for (size_t j = i + 1; j < width; ++j, ++ratio) {
        float* later = &left[j * kColumns];
        for (size_t c = 0; c < columns; ++c) later[c] -= errors[c] * *ratio;
      }
    }
  }
}

}  // namespace lapidary::quant
