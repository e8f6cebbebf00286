// Error-aware rounding on synthetic moments: that it lowers the error it is about, and what it does
// where there is nothing to know.
#include "quant/error_aware_rounding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "base/testing/compare.h"

namespace lapidary::quant {
namespace {

class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed) {}
  float uniform() {
    state_ = state_ * 1664525U + 1013904223U;
    return static_cast<float>(static_cast<int32_t>(state_)) / 2147483648.0F;
  }
  float normal() { return uniform() + uniform() + uniform() + uniform(); }
  std::vector<float> normals(size_t n) {
    std::vector<float> out(n);
    std::generate(out.begin(), out.end(), [&] { return normal(); });
    return out;
  }

 private:
  uint32_t state_;
};

// Of `rows` vectors whose channels go together: each is a mix of a few causes, scaled by channel.
BlockMoments correlated_moments(int64_t channels, int64_t block_size, uint32_t seed,
                                int64_t rows = 512) {
  Random random(seed);
  const auto n = static_cast<size_t>(channels);
  const size_t causes = std::max<size_t>(2, n / 8);
  const std::vector<float> mix = random.normals(causes * n);
  std::vector<float> gain(n);
  for (float& g : gain) g = std::exp(random.normal());
  BlockMoments out{channels, block_size, rows, {}};
  out.sums.resize(static_cast<size_t>(out.blocks() * block_size * block_size));
  std::vector<float> x(n);
  for (int64_t r = 0; r < rows; ++r) {
    const std::vector<float> cause = random.normals(causes);
    for (size_t i = 0; i < n; ++i) {
      x[i] = 0.1F * random.normal();
      for (size_t c = 0; c < causes; ++c) x[i] += cause[c] * mix[c * n + i];
      x[i] *= gain[i];
    }
    for (int64_t b = 0; b < out.blocks(); ++b) {
      const auto begin = static_cast<size_t>(b * block_size);
      const auto width = static_cast<size_t>(out.width(b));
      float* sums = &out.sums[static_cast<size_t>(b * block_size * block_size)];
      for (size_t i = 0; i < width; ++i) {
        for (size_t j = 0; j < width; ++j) sums[i * width + j] += x[begin + i] * x[begin + j];
      }
    }
  }
  return out;
}

// (w - q)^T H (w - q), summed over the columns of the one block's weights [width, n].
double error_of(std::span<const float> weights, std::span<const int32_t> codes,
                std::span<const float> scales, std::span<const float> h) {
  const size_t n = scales.size();
  const size_t width = weights.size() / n;
  double sum = 0;
  for (size_t c = 0; c < n; ++c) {
    for (size_t i = 0; i < width; ++i) {
      for (size_t j = 0; j < width; ++j) {
        const auto e = [&](size_t k) {
          return static_cast<double>(weights[k * n + c]) -
                 static_cast<double>(scales[c]) * codes[k * n + c];
        };
        sum += e(i) * e(j) * static_cast<double>(h[i * width + j]);
      }
    }
  }
  return sum;
}

std::vector<int32_t> nearest(std::span<const float> weights, std::span<const float> scales,
                             const CodeRange& range) {
  std::vector<int32_t> out(weights.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = code_of(weights[i], {scales[i % scales.size()], 0}, range);
  }
  return out;
}

std::vector<float> min_max_scales(std::span<const float> weights, size_t n, DType type) {
  std::vector<float> out(n);
  for (size_t c = 0; c < n; ++c) {
    float largest = 0;
    for (size_t i = c; i < weights.size(); i += n) {
      largest = std::max(largest, std::fabs(weights[i]));
    }
    out[c] = largest / static_cast<float>(codes_of(type, true).max);
  }
  return out;
}

// The reason to have it: over many draws, a good deal less error than nearest in the norm that
// outputs are measured in. Catches corrections of the wrong sign, in the wrong order, or of
// channels that were rounded already.
TEST(ErrorAwareRounding, LowersTheErrorOfOutputs) {
  for (const DType type : {DType::kInt4, DType::kInt8}) {
    const CodeRange range = codes_of(type, true);
    double aware = 0;
    double plain = 0;
    for (uint32_t seed = 1; seed <= 12; ++seed) {
      const int64_t width = seed % 3 == 0 ? 37 : 64;
      const size_t n = 70;  // more than one group of columns, and no multiple of it
      const BlockMoments moments = correlated_moments(width, 128, seed);
      const std::vector<float> weights = Random(seed + 100).normals(static_cast<size_t>(width) * n);
      const std::vector<float> scales = min_max_scales(weights, n, type);
      const RoundingFactor factor =
          rounding_factor(moments.block(0), width, kRoundingDamping).value();
      std::vector<int32_t> codes(weights.size());
      round_error_aware(weights, factor, scales, range, codes);
      const auto [least, most] = std::minmax_element(codes.begin(), codes.end());
      EXPECT_GE(*least, range.min);
      EXPECT_LE(*most, range.max);
      const double error = error_of(weights, codes, scales, moments.block(0));
      const double of_nearest =
          error_of(weights, nearest(weights, scales, range), scales, moments.block(0));
      EXPECT_LT(error, of_nearest) << "seed " << seed;
      aware += error;
      plain += of_nearest;
    }
    EXPECT_LT(aware, 0.4 * plain) << name_of(type);
  }
}

// Two channels by hand: x_1 = x_0 always, weights 0.4 and 0.4, scale 1. Nearest gives 0 and 0, an
// error of 0.8 in every output; rounding the second with the first's error in mind gives 0 and 1.
TEST(ErrorAwareRounding, MakesGoodWhatTheFirstChannelLost) {
  const std::vector<float> h = {1, 1, 1, 1};
  const RoundingFactor factor = rounding_factor(h, 2, kRoundingDamping).value();
  EXPECT_EQ(factor.order, (std::vector<int32_t>{0, 1}));
  ASSERT_EQ(factor.ratios.size(), 1U);
  // h_11 = 1 + 0.01: the ratio is -1 / 1.01.
  EXPECT_NEAR(factor.ratios[0], -1.0 / 1.01, 1e-6);
  const std::vector<float> weights = {0.4F, 0.4F};
  std::vector<int32_t> codes(2);
  round_error_aware(weights, factor, std::vector<float>{1.0F}, {-7, 7}, codes);
  EXPECT_EQ(codes, (std::vector<int32_t>{0, 1}));
}

TEST(ErrorAwareRounding, ChannelsThatGoTogetherWithNothingAreRoundedToNearest) {
  const std::vector<float> weights = Random(5).normals(8 * 3);
  const CodeRange range = codes_of(DType::kInt4, true);
  const std::vector<float> scales = min_max_scales(weights, 3, DType::kInt4);
  std::vector<float> identity(64);
  for (size_t i = 0; i < 8; ++i) identity[i * 9] = 3.0F;
  std::vector<float> some_unseen(64);
  for (size_t i = 2; i < 4; ++i) some_unseen[i * 9] = 1.0F;
  for (const std::vector<float>& h : {identity, std::vector<float>(64), some_unseen}) {
    const RoundingFactor factor = rounding_factor(h, 8, kRoundingDamping).value();
    std::vector<int32_t> codes(weights.size(), 99);
    round_error_aware(weights, factor, scales, range, codes);
    EXPECT_EQ(codes, nearest(weights, scales, range));
  }
}

// Of a matrix of rank one the undamped inverse does not exist; more damping corrects less.
TEST(ErrorAwareRounding, DampingKeepsCorrectionsBounded) {
  std::vector<float> h(64);
  for (size_t i = 0; i < 8; ++i) {
    for (size_t j = 0; j < 8; ++j) h[i * 8 + j] = static_cast<float>((i + 1) * (j + 1));
  }
  float before = std::numeric_limits<float>::infinity();
  for (const double damping : {1e-6, 0.01, 1.0, 1e6}) {
    float largest = 0;
    const RoundingFactor factor = rounding_factor(h, 8, damping).value();
    for (const float ratio : factor.ratios) {
      ASSERT_TRUE(std::isfinite(ratio));
      largest = std::max(largest, std::fabs(ratio));
    }
    EXPECT_LT(largest, before);
    before = largest;
  }
  EXPECT_LT(before, 1e-4F);
}

// Sums of any scale: rows seen do not matter. Catches damping that is not relative.
TEST(ErrorAwareRounding, FactorsDoNotDependOnHowMuchWasSeen) {
  BlockMoments moments = correlated_moments(16, 16, 3);
  const RoundingFactor a = rounding_factor(moments.block(0), 16, kRoundingDamping).value();
  for (float& sum : moments.sums) sum *= 1024.0F;
  const RoundingFactor b = rounding_factor(moments.block(0), 16, kRoundingDamping).value();
  EXPECT_EQ(a.order, b.order);
  EXPECT_TRUE(all_near(a.ratios, b.ratios, 1e-5));
}

TEST(ErrorAwareRounding, MomentsOfNothingAreErrors) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(rounding_factor(std::vector<float>{1, 0, 0, nan}, 2, 0.01).ok());
  EXPECT_FALSE(rounding_factor(std::vector<float>{1, 0, 0, -1}, 2, 0.01).ok());
  EXPECT_FALSE(rounding_factor(std::vector<float>{1, 5, 5, 1}, 2, 0.01).ok()) << "indefinite";
  EXPECT_FALSE(rounding_factor(std::vector<float>{1, 0, 0}, 2, 0.01).ok());
  EXPECT_FALSE(rounding_factor(std::vector<float>{1}, 1, 0.0).ok());
}

TEST(ErrorAwareRounding, BlocksOfAValueAreItsOwnAndFoundOnce) {
  const auto moments =
      std::make_shared<BlockMoments>(correlated_moments(40, 16, 9));  // widths 16, 16, 8
  const RoundingFactors factors(moments);
  std::vector<const RoundingFactor*> seen(4);
  std::vector<std::thread> threads;
  for (const RoundingFactor*& each : seen) {
    threads.emplace_back([&] { each = factors.block(2).value(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const RoundingFactor* each : seen) EXPECT_EQ(each, seen[0]);
  EXPECT_EQ(seen[0]->order.size(), 8U);
  EXPECT_EQ(seen[0]->ratios,
            rounding_factor(moments->block(2), 8, kRoundingDamping).value().ratios);
  const std::vector<float> importance = factors.importance();
  ASSERT_EQ(importance.size(), 40U);
  // Of channel 33, number 1 of block 2.
  const auto mean = [&] {
    double sum = 0;
    for (const float each : importance) sum += static_cast<double>(each) - kRoundingDamping;
    return sum / 40;
  }();
  EXPECT_NEAR(mean, 1.0, 1e-5);
  const auto damping = static_cast<float>(kRoundingDamping);
  const float ratio = (importance[33] - damping) / (importance[32] - damping);
  EXPECT_NEAR(ratio, moments->block(2)[9] / moments->block(2)[0], 1e-3F * ratio);
  BlockMoments unseen{40, 16, 0, std::vector<float>(3 * 256)};
  EXPECT_EQ(RoundingFactors(std::make_shared<BlockMoments>(unseen)).importance(),
            std::vector<float>(40, 1.0F));
}

// The scale serves what matters: catches weights that are counted alike, or a search that never
// leaves min-max.
TEST(ErrorAwareRounding, ScalesServeTheChannelsThatMatter) {
  const size_t k = 64;
  std::vector<float> row = Random(11).normals(k);
  row[5] = 6.0F;  // an outlier
  std::vector<float> importance(k, 1.0F);
  float all_alike = 0;
  float outlier_unseen = 0;
  float outlier_alone = 0;
  const auto scale = [&](float& out) {
    return weighted_channel_scales(row, k, DType::kInt4, importance, std::span(&out, 1)).ok();
  };
  ASSERT_TRUE(scale(all_alike));
  importance[5] = 0;
  ASSERT_TRUE(scale(outlier_unseen));
  std::fill(importance.begin(), importance.end(), 1e-6F);
  importance[5] = 1;
  ASSERT_TRUE(scale(outlier_alone));
  EXPECT_FLOAT_EQ(outlier_alone, 6.0F / 7.0F);
  EXPECT_LT(outlier_unseen, 0.75F * outlier_alone);
  EXPECT_LE(outlier_unseen, all_alike);

  float of_search = 0;
  ASSERT_TRUE(
      channel_scales(row, k, DType::kInt4, ScaleSearch::kMse, std::span(&of_search, 1)).ok());
  EXPECT_FLOAT_EQ(all_alike, of_search) << "all alike, it is the search by squared error";
  row[7] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(scale(all_alike));
}

}  // namespace
}  // namespace lapidary::quant
