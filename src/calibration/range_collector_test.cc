#include "calibration/range_collector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace lapidary::calibration {
namespace {

// Sums of uniforms: a bell without far outliers.
std::vector<float> bell(size_t n, uint32_t state) {
  std::vector<float> out(n);
  for (float& x : out) {
    x = 0;
    for (int i = 0; i < 8; ++i) {
      state = state * 1664525U + 1013904223U;
      x += static_cast<float>(static_cast<int32_t>(state)) / 2147483648.0F;
    }
  }
  return out;
}

quant::Range collected(const CollectorOptions& options,
                       const std::vector<std::vector<float>>& samples) {
  RangeCollector collector(options);
  for (const auto& sample : samples) EXPECT_TRUE(collector.add(sample).ok());
  return collector.range().value();
}

TEST(RangeCollector, MinMaxIsExactOverAllSamples) {
  EXPECT_EQ(collected({}, {{1, 2}, {}, {-3.25F}, {0.5F}}), (quant::Range{-3.25F, 2}));
  EXPECT_EQ(collected({}, {{5, 7}}), (quant::Range{5, 7}));
}

// Catches bins that are lost or moved when the histogram widens: small values first.
TEST(RangeCollector, PercentileIsFoundWhereSortingFindsIt) {
  std::vector<float> all;
  RangeCollector collector({.method = Method::kPercentile, .percentile = 99});
  for (uint32_t s = 0; s < 20; ++s) {
    auto sample = bell(5000, s + 1);
    for (float& x : sample) x *= std::exp2(static_cast<float>(s) / 2.0F - 8.0F);
    ASSERT_TRUE(collector.add(sample).ok());
    all.insert(all.end(), sample.begin(), sample.end());
  }
  std::sort(all.begin(), all.end());
  const quant::Range range = collector.range().value();
  const float bin = 2 * 2 * std::max(-all.front(), all.back()) / 4096.0F;
  EXPECT_NEAR(range.min, all[all.size() / 200], bin);
  EXPECT_NEAR(range.max, all[all.size() - all.size() / 200], bin);
  EXPECT_EQ(collector.count(), 100000);
}

TEST(RangeCollector, HundredPercentAndConstantsAreMinMax) {
  const CollectorOptions all{.method = Method::kPercentile, .percentile = 100};
  EXPECT_EQ(collected(all, {{-1, 3}, {2}}), (quant::Range{-1, 3}));
  EXPECT_EQ(collected({.method = Method::kMse}, {{0, 0}, {0}}), (quant::Range{0, 0}));
  EXPECT_EQ(collected({.method = Method::kPercentile}, {{4, 4}}), (quant::Range{4, 4}));
}

double error_of(const std::vector<float>& values, const quant::Range& range, int bits) {
  const auto type = bits == 8 ? DType::kUint8 : DType::kUint16;
  const quant::Affine a = quant::affine_of(range, type, false).value();
  double sum = 0;
  for (const float x : values) {
    const float back =
        static_cast<float>(quant::code_of(x, a, quant::codes_of(type, false)) - a.zero_point) *
        a.scale;
    sum += std::pow(static_cast<double>(back - x), 2.0);
  }
  return sum;
}

// With one far outlier at 8 bits clamping it costs less than rounding all others coarsely; without
// one the limits stay. Measured by really quantizing.
TEST(RangeCollector, MseSearchLowersTheErrorOfQuantization) {
  auto values = bell(100000, 3);
  values[5] = 40.0F;
  const CollectorOptions options{.method = Method::kMse, .bits = 8};
  const quant::Range found = collected(options, {values});
  EXPECT_LT(found.max, 40.0F);
  EXPECT_LT(error_of(values, found, 8), 0.9 * error_of(values, collected({}, {values}), 8));
  values[5] = 0;
  const quant::Range tight = collected(options, {values});
  EXPECT_LE(error_of(values, tight, 8), 1.01 * error_of(values, collected({}, {values}), 8));
}

TEST(RangeCollector, ExtremesAndValuesThatAreNotFinite) {
  const float largest = std::numeric_limits<float>::max();
  const float least = std::numeric_limits<float>::denorm_min();
  const CollectorOptions percentile{.method = Method::kPercentile};
  EXPECT_EQ(collected(percentile, {{least}, {-largest, largest}}),
            (quant::Range{-largest, largest}));
  RangeCollector collector(percentile);
  EXPECT_FALSE(collector.range().ok()) << "nothing was added";
  const std::vector<float> bad = {1, std::nanf("")};
  EXPECT_FALSE(collector.add(bad).ok());
}

}  // namespace
}  // namespace lapidary::calibration
