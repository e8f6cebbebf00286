#include "engine/chunk_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lapidary::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<Range> plan(const Range& positions, const std::vector<Range>& whole, int64_t chunk) {
  auto chunks = plan_chunks(positions, whole, chunk);
  EXPECT_TRUE(chunks.ok()) << chunks.error().message();
  return chunks.ok() ? *chunks : std::vector<Range>();
}

TEST(ChunkPlan, TextIsCutEvenly) {
  EXPECT_THAT(plan({0, 10}, {}, 4), ElementsAre(Range{0, 4}, Range{4, 8}, Range{8, 10}));
  EXPECT_THAT(plan({6, 10}, {}, 4), ElementsAre(Range{6, 10}));
  EXPECT_THAT(plan({3, 3}, {}, 4), IsEmpty());
}

TEST(ChunkPlan, AChunkEndsBeforeWhatItWouldCut) {
  EXPECT_THAT(plan({0, 12}, {{3, 9}}, 8), ElementsAre(Range{0, 3}, Range{3, 11}, Range{11, 12}));
  EXPECT_THAT(plan({0, 12}, {{1, 4}, {6, 10}}, 7), ElementsAre(Range{0, 6}, Range{6, 12}));
}

// A border at either end of a range cuts nothing: catches an off-by-one that makes chunks short.
TEST(ChunkPlan, BordersOfARangeAreFine) {
  EXPECT_THAT(plan({0, 8}, {{4, 8}}, 4), ElementsAre(Range{0, 4}, Range{4, 8}));
  EXPECT_THAT(plan({0, 8}, {{0, 4}}, 4), ElementsAre(Range{0, 4}, Range{4, 8}));
}

TEST(ChunkPlan, RangesBehindTheBeginDoNotMatter) {
  EXPECT_THAT(plan({9, 14}, {{3, 9}}, 4), ElementsAre(Range{9, 13}, Range{13, 14}));
}

// Catches an endless loop, and a cut where none is allowed.
TEST(ChunkPlan, ARangeLongerThanAChunkIsRefusedWithTheRemedy) {
  const auto chunks = plan_chunks({0, 12}, {{2, 9}}, 6);
  ASSERT_FALSE(chunks.ok());
  EXPECT_EQ(chunks.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(chunks.error().message(), HasSubstr("--chunk 7"));
}

}  // namespace
}  // namespace lapidary::engine
