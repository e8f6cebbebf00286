#include "eval/perplexity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace lapidary::eval {
namespace {

// By hand: p = {1, 2, 7} / 10.
TEST(NegativeLogLikelihood, IsMinusTheLogOfTheProbability) {
  const std::vector<float> logits = {0.0f, std::log(2.0f), std::log(7.0f)};
  EXPECT_NEAR(negative_log_likelihood(logits, 0), -std::log(0.1), 1e-7);
  EXPECT_NEAR(negative_log_likelihood(logits, 1), -std::log(0.2), 1e-7);
  EXPECT_NEAR(negative_log_likelihood(logits, 2), -std::log(0.7), 1e-7);
}

// Catches a softmax without the shift by its maximum, and one summed in float.
TEST(NegativeLogLikelihood, IsExactForLargeLogitsAndManyOfThem) {
  std::vector<float> logits(262'144, 1000.0f);
  EXPECT_NEAR(negative_log_likelihood(logits, 5), std::log(262'144.0), 1e-12);
  logits[7] = 1030.0f;
  EXPECT_NEAR(negative_log_likelihood(logits, 5), 30 + 262'143.0 * std::exp(-30.0), 1e-9);
}

// A broken decoder must not look like a good score.
TEST(NegativeLogLikelihood, NotFiniteLogitsShow) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(std::isfinite(negative_log_likelihood(std::vector<float>{1, nan, 2}, 0)));
  const float minus = -std::numeric_limits<float>::infinity();
  EXPECT_FALSE(std::isfinite(negative_log_likelihood(std::vector<float>{1, minus}, 1)));
}

}  // namespace
}  // namespace lapidary::eval
