#include "encoders/media_cache.h"

#include <gtest/gtest.h>

namespace lapidary::encoders {
namespace {

// Blocks of `bytes` together.
MediaBlocks blocks(std::vector<size_t> bytes) {
  MediaBlocks out;
  for (const size_t each : bytes) {
    auto tokens = std::make_shared<engine::SoftTokens>();
    tokens->features.resize(each / sizeof(float));
    out.push_back(std::move(tokens));
  }
  return out;
}

// A chat of many pictures would grow without end.
TEST(MediaCache, DropsWhatWasUsedLeastRecently) {
  MediaCache cache(100);
  cache.add("a", blocks({40}));
  cache.add("b", blocks({20, 20}));
  EXPECT_EQ(cache.bytes(), 80U);
  ASSERT_NE(cache.find("a"), nullptr);
  cache.add("c", blocks({40}));
  EXPECT_EQ(cache.find("b"), nullptr) << "'a' was used after it";
  EXPECT_NE(cache.find("a"), nullptr);
  EXPECT_NE(cache.find("c"), nullptr);
  EXPECT_EQ(cache.bytes(), 80U);
  cache.add("d", blocks({100}));
  EXPECT_EQ(cache.bytes(), 100U);
  EXPECT_EQ(cache.find("a"), nullptr);
}

TEST(MediaCache, WhatIsTooLargeIsNotKeptAndDropsNothing) {
  MediaCache cache(100);
  cache.add("a", blocks({40}));
  const MediaBlocks held = blocks({104});
  cache.add("b", held);
  EXPECT_EQ(cache.find("b"), nullptr);
  EXPECT_NE(cache.find("a"), nullptr);
  EXPECT_EQ(held[0]->features.size(), 26U);
}

TEST(MediaCache, AddedAgainItCountsOnce) {
  MediaCache cache(100);
  cache.add("a", blocks({40}));
  cache.add("a", blocks({60}));
  EXPECT_EQ(cache.bytes(), 60U);
  EXPECT_EQ(cache.find("a")->front()->features.size(), 15U);
}

}  // namespace
}  // namespace lapidary::encoders
