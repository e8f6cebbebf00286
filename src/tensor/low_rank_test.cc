#include "tensor/low_rank.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/parallel.h"
#include "tensor/expressions.h"

namespace lapidary::tensor {
namespace {

std::vector<float> numbers(int64_t count, uint32_t seed) {
  std::vector<float> out;
  for (int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525U + 1013904223U;
    out.push_back(static_cast<float>(seed >> 8) / static_cast<float>(1U << 23) - 1.0F);
  }
  return out;
}

struct Case {
  int64_t n, k, r;
  std::vector<float> w, a, b;
  float scale = 0.75F;

  Case(int64_t rows, int64_t cols, int64_t rank)
      : n(rows),
        k(cols),
        r(rank),
        w(numbers(n * k, 1)),
        a(numbers(r * k, 2)),
        b(numbers(n * r, 3)) {}

  LowRankUpdate update() const { return {floats({r, k}, a), floats({n, r}, b), scale, "test"}; }

  // By the definition.
  std::vector<float> add_to(std::vector<float> sum) const {
    for (int64_t row = 0; row < n; ++row) {
      for (int64_t col = 0; col < k; ++col) {
        float product = 0;
        for (int64_t j = 0; j < r; ++j) {
          product += b[static_cast<size_t>(row * r + j)] * a[static_cast<size_t>(j * k + col)];
        }
        sum[static_cast<size_t>(row * k + col)] += product * scale;
      }
    }
    return sum;
  }
};

// Bit by bit: a NaN differs from every number, and -0 from 0.
void expect_same(const std::vector<float>& got, const std::vector<float>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_TRUE(std::isfinite(got[i])) << i;
    ASSERT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(want[i])) << i;
  }
}

// Catches: blocks of columns that miss the last ones, A or B read transposed, a scale left out.
TEST(LowRank, IsTheSumByItsDefinition) {
  for (const auto& [n, k, r] : {std::array<int64_t, 3>{1, 1, 1},
                                {3, 31, 2},
                                {5, 32, 1},
                                {70, 67, 16},
                                {2, 4096, 3},
                                {300, 256, 4}}) {
    const Case c(n, k, r);
    const Tensor sum = add_low_rank(floats({n, k}, c.w), {c.update()});
    expect_same(sum.to_floats().value(), c.add_to(c.w));
  }
}

TEST(LowRank, UpdatesAreAddedInOrder) {
  const Case one(9, 40, 4);
  Case two(9, 40, 7);
  two.scale = -1.5F;
  const Tensor sum = add_low_rank(floats({9, 40}, one.w), {one.update(), two.update()});
  expect_same(sum.to_floats().value(), two.add_to(one.add_to(one.w)));
}

// Catches: a result that depends on where boxes begin, or on who reads A first.
TEST(LowRank, BoxesAndThreadsGiveTheSameBits) {
  const Case c(64, 100, 8);
  const Tensor sum = add_low_rank(floats({64, 100}, c.w), {c.update()});
  const std::vector<float> want = c.add_to(c.w);
  std::vector<float> got(want.size());
  const auto row = [&](size_t i) -> Status {
    const auto r = static_cast<int64_t>(i);
    const std::span<float> out = std::span(got).subspan(i * 100, 100);
    LAP_RETURN_IF_ERROR(
        sum.producer()->read_box({r, r + 1, 0, 37}, std::as_writable_bytes(out.first(37))));
    return sum.producer()->read_box({r, r + 1, 37, 100}, std::as_writable_bytes(out.subspan(37)));
  };
  ASSERT_TRUE(parallel_for(64, row, 4).ok());
  expect_same(got, want);
}

// A transposed weight reads columns of the sum.
TEST(LowRank, HalvesAndTransposesAreReadAsTheyAre) {
  const Case c(12, 48, 4);
  const Tensor w = cast(floats({12, 48}, c.w), DType::kBfloat16);
  const Tensor at = transpose(transpose(floats({4, 48}, c.a)));
  const Tensor sum = add_low_rank(
      w, {{at, transpose(floats({4, 12}, transpose(floats({12, 4}, c.b)).to_floats().value())),
           c.scale, "test"}});
  EXPECT_EQ(sum.dtype(), DType::kFloat);
  expect_same(sum.to_floats().value(), c.add_to(w.to_floats().value()));
  expect_same(transpose(transpose(sum)).to_floats().value(), c.add_to(w.to_floats().value()));
}

// Catches: a cache key that does not see another adapter, or another weight of it.
TEST(LowRank, DescribeTellsUpdatesApart) {
  const Case c(2, 2, 1);
  LowRankUpdate other = c.update();
  other.source = "other";
  LowRankUpdate stronger = c.update();
  stronger.scale = 0.8F;
  const Tensor w = floats({2, 2}, c.w);
  const std::string text = add_low_rank(w, {c.update()}).describe();
  EXPECT_THAT(text, ::testing::HasSubstr(w.describe()));
  EXPECT_NE(text, add_low_rank(w, {other}).describe());
  EXPECT_NE(text, add_low_rank(w, {stronger}).describe());
}

}  // namespace
}  // namespace lapidary::tensor
