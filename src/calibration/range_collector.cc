#include "calibration/range_collector.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace lapidary::calibration {
namespace {

constexpr size_t kBins = 4096;
constexpr int kCandidates = 64;  // limits tried on each side by the search

// A limit on one side of zero, and what clamping to it costs.
struct Candidate {
  double limit = 0;
  double clamped_error = 0;  // sum of squares
};

// In lanes of their own, which compilers turn into vector instructions.
Result<quant::Range> range_of(std::span<const float> values) {
  constexpr size_t kLanes = 16;
  std::array<float, kLanes> low{};
  std::array<float, kLanes> high{};
  std::array<float, kLanes> zero{};  // 0 * x is NaN for what is not finite
  low.fill(values[0]);
  high.fill(values[0]);
  const auto take = [&](size_t lane, float x) {
    low[lane] = x < low[lane] ? x : low[lane];
    high[lane] = high[lane] < x ? x : high[lane];
    zero[lane] += 0.0F * x;
  };
  const size_t whole = values.size() - values.size() % kLanes;
  for (size_t i = 0; i < whole; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) take(lane, values[i + lane]);
  }
  for (size_t i = whole; i < values.size(); ++i) take(i - whole, values[i]);
  for (const float each : zero) {
    if (each == 0.0F) continue;
    const auto bad =
        std::find_if_not(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
    return bad_input(fmt::format("value {}", bad - values.begin()), "is not a finite number",
                     "check the calibration data and the graph for infinities and NaN");
  }
  return quant::Range{*std::min_element(low.begin(), low.end()),
                      *std::max_element(high.begin(), high.end())};
}

}  // namespace

Status RangeCollector::add(std::span<const float> values) {
  if (values.empty()) return {};
  LAP_ASSIGN_OR_RETURN(const quant::Range range, range_of(values));
  seen_ = count_ == 0 ? range : quant::united(seen_, range);
  count_ += static_cast<int64_t>(values.size());
  if (options_.method == Method::kMinMax) return {};
  widen_to(std::max(-range.min, range.max));
  if (bins_.empty()) return {};
  // Zeros seen before there were bins need no count: they lie inside whatever limits are found.
  const double per_bin = static_cast<double>(kBins) / (2 * limit_);
  for (const float x : values) {
    const double at = (static_cast<double>(x) + limit_) * per_bin;
    ++bins_[std::min(static_cast<size_t>(at), kBins - 1)];
  }
  return {};
}

void RangeCollector::widen_to(float magnitude) {
  const auto m = static_cast<double>(magnitude);
  if (m == 0) return;
  if (bins_.empty()) {
    limit_ = std::exp2(std::ceil(std::log2(m)));
    bins_.assign(kBins, 0);
  }
  while (m > limit_) {
    std::vector<uint64_t> wider(kBins, 0);
    for (size_t i = 0; i < kBins; ++i) wider[kBins / 4 + i / 2] += bins_[i];
    bins_ = std::move(wider);
    limit_ *= 2;
  }
}

Result<quant::Range> RangeCollector::range() const {
  if (count_ == 0) return bad_input("calibration", "no value was seen", "give it samples");
  if (options_.method == Method::kMinMax || bins_.empty()) return seen_;
  const quant::Range found =
      options_.method == Method::kPercentile ? percentile_range() : mse_range();
  return quant::Range{std::max(found.min, seen_.min), std::min(found.max, seen_.max)};
}

quant::Range RangeCollector::percentile_range() const {
  const double outside = static_cast<double>(count_) * (1 - options_.percentile / 100) / 2;
  const double width = 2 * limit_ / static_cast<double>(kBins);
  size_t low = 0;
  size_t high = kBins;
  double below = 0;
  double above = 0;
  while (low < kBins / 2 && below + static_cast<double>(bins_[low]) <= outside) {
    below += static_cast<double>(bins_[low++]);
  }
  while (high > kBins / 2 && above + static_cast<double>(bins_[high - 1]) <= outside) {
    above += static_cast<double>(bins_[--high]);
  }
  return {static_cast<float>(static_cast<double>(low) * width - limit_),
          static_cast<float>(static_cast<double>(high) * width - limit_)};
}

quant::Range RangeCollector::mse_range() const {
  const double width = 2 * limit_ / static_cast<double>(kBins);
  const auto candidates = [&](double extreme, double sign) {
    std::array<Candidate, kCandidates> out{};
    for (int c = 0; c < kCandidates; ++c) {
      Candidate& one = out[static_cast<size_t>(c)];
      one.limit = extreme * (1 - static_cast<double>(c) / kCandidates);
      for (size_t i = 0; i < kBins; ++i) {
        const double centre = (static_cast<double>(i) + 0.5) * width - limit_;
        const double over = sign * (centre - one.limit);
        if (over > 0) one.clamped_error += over * over * static_cast<double>(bins_[i]);
      }
    }
    return out;
  };
  const auto lows = candidates(std::min(0.0, static_cast<double>(seen_.min)), -1);
  const auto highs = candidates(std::max(0.0, static_cast<double>(seen_.max)), 1);
  const double steps = std::exp2(options_.bits) - 1;
  double least = -1;
  quant::Range best = seen_;
  for (const Candidate& low : lows) {
    for (const Candidate& high : highs) {
      const double step = (high.limit - low.limit) / steps;
      // Rounding moves a value by step^2 / 12 on average.
      const double error =
          low.clamped_error + high.clamped_error + static_cast<double>(count_) * step * step / 12;
      if (least >= 0 && error >= least) continue;
      least = error;
      best = {static_cast<float>(low.limit), static_cast<float>(high.limit)};
    }
  }
  return best;
}

}  // namespace lapidary::calibration
