// How tests compare floats. What cannot be compared fails: a value that is not finite, sizes that
// differ, nothing at all.
//
//   EXPECT_TRUE(all_near(actual, expected, 1e-4));            // names the worst value, and where
//   EXPECT_GE(lowest_cosine(actual, expected, width), 0.9999);
//
//   double worst = 0;
//   for (const auto& [a, b] : pairs) worst = larger(worst, max_difference(a, b));  // keeps a NaN
//
// A measure is NaN then, which passes no bound: EXPECT_LE and EXPECT_GT both fail on it.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
#include <string>

namespace lapidary {

inline constexpr double kNoMeasure = std::numeric_limits<double>::quiet_NaN();

// std::max and std::min keep their first argument when the second is NaN.
inline double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }
inline double smaller(double a, double b) { return std::isnan(a) || a < b ? a : b; }

struct WorstValue {
  double difference = kNoMeasure;
  size_t index = 0;
};

// The first value that is not finite, or else the first of those that differ most. The difference
// is NaN for the former, and for sizes that differ or are 0.
inline WorstValue worst_value(std::span<const float> actual, std::span<const float> expected) {
  if (actual.size() != expected.size() || actual.empty()) return {};
  WorstValue worst{0, 0};
  for (size_t i = 0; i < actual.size(); ++i) {
    if (!std::isfinite(actual[i]) || !std::isfinite(expected[i])) return {kNoMeasure, i};
    const double difference =
        std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    if (difference > worst.difference) worst = {difference, i};
  }
  return worst;
}

inline double max_difference(std::span<const float> actual, std::span<const float> expected) {
  return worst_value(actual, expected).difference;
}

// Whether no value differs by more than `tolerance`.
inline testing::AssertionResult all_near(std::span<const float> actual,
                                         std::span<const float> expected, double tolerance) {
  const WorstValue worst = worst_value(actual, expected);
  if (worst.difference <= tolerance) return testing::AssertionSuccess();
  if (actual.size() != expected.size() || actual.empty()) {
    return testing::AssertionFailure()
           << "there are " << actual.size() << " values, expected " << expected.size();
  }
  return testing::AssertionFailure()
         << "value " << worst.index << " of " << actual.size() << " is " << actual[worst.index]
         << ", expected " << expected[worst.index] << ": they differ by " << worst.difference
         << ", more than " << tolerance;
}

inline double squared_distance(std::span<const float> a, std::span<const float> b) {
  if (std::isnan(max_difference(a, b))) return kNoMeasure;
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  }
  return sum;
}

// |a - b| / |b|, Euclidean. NaN too when b is zero and a is not.
inline double relative_error(std::span<const float> actual, std::span<const float> expected) {
  const double distance = squared_distance(actual, expected);
  if (distance == 0) return 0;
  double norm = 0;
  for (const float x : expected) norm += static_cast<double>(x) * static_cast<double>(x);
  return norm > 0 ? std::sqrt(distance / norm) : kNoMeasure;
}

// NaN too when one of the two is zero: it has no direction.
inline double cosine(std::span<const float> a, std::span<const float> b) {
  if (std::isnan(max_difference(a, b))) return kNoMeasure;
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto x = static_cast<double>(a[i]);
    const auto y = static_cast<double>(b[i]);
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : kNoMeasure;
}

// Of rows of `width` values at the same place; NaN too for what is no whole number of rows.
inline double lowest_cosine(std::span<const float> a, std::span<const float> b, size_t width) {
  if (a.size() != b.size() || a.empty() || width == 0 || a.size() % width != 0) return kNoMeasure;
  double lowest = 1;
  for (size_t at = 0; at < a.size(); at += width) {
    lowest = smaller(lowest, cosine(a.subspan(at, width), b.subspan(at, width)));
  }
  return lowest;
}

}  // namespace lapidary
