// The comparisons of all tests. Each measure must fail, from both sides, on what a broken model
// yields: NaN, infinity, too few values, none.
#include "base/testing/compare.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace lapidary {
namespace {

using ::testing::HasSubstr;
using Floats = std::vector<float>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Pair {
  Floats actual, expected;
};
// All but the first are such that a running std::max, or the shorter of two loops, finds nothing.
const Pair kIncomparable[] = {
    {{kNan, kNan}, {1, 2}},
    {{1, kNan}, {1, 2}},
    {{1, 2}, {1, kNan}},
    {{kNan, 2}, {kNan, 2}},
    {{1, 2}, {1, 2, 3}},
    {{1, 2, 3}, {1, 2}},
    {{}, {1, 2}},
    {{1, 2}, {}},
    {{}, {}},
    {{1, kInfinity}, {1, 2}},
    {{kInfinity}, {kInfinity}},
};

TEST(Compare, WhatCannotBeComparedPassesNoBound) {
  for (const auto& [actual, expected] : kIncomparable) {
    SCOPED_TRACE(
        fmt::format("{} {}", testing::PrintToString(actual), testing::PrintToString(expected)));
    EXPECT_FALSE(all_near(actual, expected, 1e30));
    EXPECT_FALSE(all_near(actual, expected, std::numeric_limits<double>::infinity()));
    for (const double measure :
         {max_difference(actual, expected), squared_distance(actual, expected),
          relative_error(actual, expected), cosine(actual, expected),
          lowest_cosine(actual, expected, 1)}) {
      EXPECT_NONFATAL_FAILURE(EXPECT_LE(measure, 1e30), "");
      EXPECT_NONFATAL_FAILURE(EXPECT_GE(measure, -1e30), "");
    }
  }
}

TEST(Compare, FailuresNameTheWorstValue) {
  EXPECT_NONFATAL_FAILURE(EXPECT_TRUE(all_near(Floats{1, 5, 2}, Floats{1, 2, 3}, 0.5)),
                          "value 1 of 3 is 5, expected 2: they differ by 3, more than 0.5");
  EXPECT_NONFATAL_FAILURE(EXPECT_TRUE(all_near(Floats{9, kNan}, Floats{1, 2}, 0.5)),
                          "value 1 of 2 is nan, expected 2");
  EXPECT_NONFATAL_FAILURE(EXPECT_TRUE(all_near(Floats{1}, Floats{1, 2}, 0.5)),
                          "there are 1 values, expected 2");
  EXPECT_NONFATAL_FAILURE(EXPECT_TRUE(all_near(Floats{}, Floats{}, 0.5)), "there are 0 values");
}

TEST(Compare, Measures) {
  EXPECT_TRUE(all_near(Floats{1, 2}, Floats{1, 2.5F}, 0.5));
  EXPECT_TRUE(all_near(Floats{1, 2}, Floats{1, 2}, 0));
  EXPECT_EQ(max_difference(Floats{1, -2}, Floats{2, 2}), 4);
  EXPECT_EQ(squared_distance(Floats{3, 4}, Floats{0, 0}), 25);
  EXPECT_EQ(relative_error(Floats{3, 4}, Floats{0, 4}), 0.75);
  EXPECT_EQ(relative_error(Floats{0, 0}, Floats{0, 0}), 0);
  EXPECT_DOUBLE_EQ(cosine(Floats{1, 0}, Floats{1, 1}), std::sqrt(0.5));
  EXPECT_DOUBLE_EQ(lowest_cosine(Floats{1, 0, 2, 3}, Floats{1, 1, 2, 3}, 2), std::sqrt(0.5));
}

// Zero has no direction, and no share of it is an error; a part of a row is no row.
TEST(Compare, WhatHasNoMeasure) {
  EXPECT_TRUE(std::isnan(cosine(Floats{0, 0}, Floats{1, 1})));
  EXPECT_TRUE(std::isnan(cosine(Floats{0, 0}, Floats{0, 0})));
  EXPECT_TRUE(std::isnan(lowest_cosine(Floats{1, 1, 0, 0}, Floats{1, 1, 1, 1}, 2)));
  EXPECT_TRUE(std::isnan(lowest_cosine(Floats{0, 0, 1, 1}, Floats{1, 1, 1, 1}, 2)));
  EXPECT_TRUE(std::isnan(lowest_cosine(Floats{1, 1, 1}, Floats{1, 1, 1}, 2)));
  EXPECT_TRUE(std::isnan(lowest_cosine(Floats{1}, Floats{1}, 0)));
  EXPECT_TRUE(std::isnan(relative_error(Floats{1}, Floats{0})));
}

// std::max(1.0, NaN) is 1.
TEST(Compare, NanStaysTheWorst) {
  for (const auto& pick : {larger, smaller}) {
    EXPECT_TRUE(std::isnan(pick(1, kNoMeasure)));
    EXPECT_TRUE(std::isnan(pick(kNoMeasure, 1)));
  }
  EXPECT_EQ(larger(1, 2), 2);
  EXPECT_EQ(larger(2, 1), 2);
  EXPECT_EQ(smaller(1, 2), 1);
  EXPECT_EQ(smaller(2, 1), 1);
}

}  // namespace
}  // namespace lapidary
