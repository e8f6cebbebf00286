#include "engine/kv_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lapidary::engine {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kWindow = 8;

KvCache make(KvCacheOptions options) {
  const std::vector<package::CacheSpec> specs = {
      {.layer = 0, .kv_heads = 2, .head_dim = 4, .sliding = true},
      {.layer = 2, .kv_heads = 1, .head_dim = 8, .sliding = false},
  };
  auto cache = KvCache::create(specs, kWindow, options);
  EXPECT_TRUE(cache.ok()) << cache.error().message();
  return std::move(cache).value();
}

// What a row of a position holds, so that a test can tell where it went.
float mark(int64_t position, int64_t head, int64_t column) {
  return static_cast<float>(position * 100 + head * 10 + column);
}

// Plays the graph: writes `tokens` rows after the present ones.
void step(KvCache& cache, int64_t tokens) {
  ASSERT_TRUE(cache.prepare(tokens).ok());
  for (const auto& layer : cache.layers()) {
    const int64_t offset = layer.spec.sliding ? cache.sliding_offset() : 0;
    for (int64_t p = cache.size(); p < cache.size() + tokens; ++p) {
      ASSERT_LT(p - offset, layer.capacity);
      for (int64_t h = 0; h < layer.spec.kv_heads; ++h) {
        for (int64_t c = 0; c < layer.spec.head_dim; ++c) {
          const int64_t at = (h * layer.capacity + p - offset) * layer.spec.head_dim + c;
          layer.key[at] = mark(p, h, c);
          layer.value[at] = -mark(p, h, c);
        }
      }
    }
  }
  cache.commit(tokens);
}

// Checks that every resident row holds its position, and that all in reach of attention are there.
void expect_rows(const KvCache& cache) {
  for (const auto& layer : cache.layers()) {
    const int64_t offset = layer.spec.sliding ? cache.sliding_offset() : 0;
    EXPECT_LE(offset, std::max<int64_t>(0, cache.size() - (kWindow - 1)));
    for (int64_t p = offset; p < cache.size(); ++p) {
      for (int64_t h = 0; h < layer.spec.kv_heads; ++h) {
        const int64_t at = (h * layer.capacity + p - offset) * layer.spec.head_dim + 1;
        ASSERT_EQ(layer.key[at], mark(p, h, 1))
            << "layer " << layer.spec.layer << " position " << p;
        ASSERT_EQ(layer.value[at], -mark(p, h, 1));
      }
    }
  }
}

TEST(KvCache, SlidingBuffersDoNotGrowWithTheContext) {
  const KvCache cache = make({.max_context = 100'000, .max_step = 16, .rewind_rows = 4});
  EXPECT_EQ(cache.layers()[1].capacity, 100'000);
  EXPECT_EQ(cache.layers()[0].capacity, kWindow - 1 + 4 + 128);
}

TEST(KvCache, SlidingBuffersAreNeverLargerThanTheContext) {
  const KvCache cache = make({.max_context = 20, .max_step = 512});
  EXPECT_EQ(cache.layers()[0].capacity, 20);
  EXPECT_EQ(cache.max_step(), 20);
}

// Catches a wrong move: a head's stride, an overlap, a row too few.
TEST(KvCache, EveryPositionInReachSurvivesManyMoves) {
  for (const int64_t stride : {1, 3, 16, 200}) {
    KvCache cache = make({.max_context = 5000, .max_step = 200, .rewind_rows = 5});
    while (cache.size() + stride <= 2000) {
      step(cache, stride);
      expect_rows(cache);
    }
    EXPECT_GT(cache.sliding_offset(), 0);
  }
}

TEST(KvCache, RewindsExactlyAsFarAsRowsAreHeld) {
  KvCache cache = make({.max_context = 5000, .max_step = 100, .rewind_rows = 5});
  step(cache, 100);
  EXPECT_TRUE(cache.can_truncate(1)) << "nothing dropped yet: any length can be kept";
  step(cache, 100);
  step(cache, 100);
  const int64_t floor = cache.sliding_offset() + kWindow - 1;
  EXPECT_TRUE(cache.can_truncate(floor));
  EXPECT_FALSE(cache.can_truncate(floor - 1));
  EXPECT_FALSE(cache.can_truncate(cache.size() + 1));
  EXPECT_TRUE(cache.can_truncate(0));
}

TEST(KvCache, KeepsTheRewindRowsRightAfterAMove) {
  KvCache cache = make({.max_context = 5000, .max_step = 128, .rewind_rows = 5});
  step(cache, 128);
  ASSERT_TRUE(cache.prepare(128).ok());  // moves
  ASSERT_GT(cache.sliding_offset(), 0);
  EXPECT_TRUE(cache.can_truncate(cache.size() - 5));
  EXPECT_FALSE(cache.can_truncate(cache.size() - 6));
}

TEST(KvCache, TruncatedSequenceGoesOnFromThere) {
  KvCache cache = make({.max_context = 5000, .max_step = 100, .rewind_rows = 5});
  for (int i = 0; i < 5; ++i) step(cache, 100);
  EXPECT_EQ(cache.truncate(497), 497);
  expect_rows(cache);
  for (int i = 0; i < 5; ++i) step(cache, 100);
  expect_rows(cache);
}

// A length out of reach must not leave a cache that pretends to hold it.
TEST(KvCache, TruncationOutOfReachEmptiesTheCache) {
  KvCache cache = make({.max_context = 5000, .max_step = 100, .rewind_rows = 5});
  for (int i = 0; i < 10; ++i) step(cache, 100);
  EXPECT_EQ(cache.truncate(10), 0);
  EXPECT_EQ(cache.size(), 0);
  EXPECT_EQ(cache.sliding_offset(), 0);
  step(cache, 7);
  expect_rows(cache);
}

TEST(KvCache, CountsBytes) {
  KvCache cache = make({.max_context = 1000, .max_step = 10});
  EXPECT_EQ(cache.bytes_used(), 0u);
  step(cache, 10);
  EXPECT_EQ(cache.bytes_used(), 10u * 2 * (2 * 4 + 8) * sizeof(float));
  EXPECT_GE(cache.bytes_reserved(), 1000u * 2 * 8 * sizeof(float));
}

TEST(KvCache, RefusesWhatDoesNotFit) {
  KvCache cache = make({.max_context = 16, .max_step = 10});
  step(cache, 10);
  const Status full = cache.prepare(7);
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(full.error().message(), HasSubstr("17 tokens do not fit into a context of 16"));
  EXPECT_TRUE(cache.prepare(6).ok());
  EXPECT_FALSE(cache.prepare(11).ok());
  EXPECT_FALSE(KvCache::create({}, 8, {.max_context = 0}).ok());
}

}  // namespace
}  // namespace lapidary::engine
