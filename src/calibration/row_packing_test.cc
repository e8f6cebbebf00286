#include "calibration/row_packing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace lapidary::calibration {
namespace {

using ::testing::ElementsAre;

TEST(RowPacking, SequencesFollowEachOtherAndTheFirstFillTheLastRow) {
  EXPECT_THAT(
      pack_rows(std::vector<int64_t>{3, 6, 2}, 8),
      ElementsAre(Row{{0, 0, 3}, {1, 0, 5}}, Row{{1, 5, 6}, {2, 0, 2}, {0, 0, 3}, {1, 0, 1}}));
}

TEST(RowPacking, OneShortSequenceFillsARowByItself) {
  EXPECT_THAT(pack_rows(std::vector<int64_t>{2}, 5),
              ElementsAre(Row{{0, 0, 2}, {0, 0, 2}, {0, 0, 1}}));
  EXPECT_THAT(pack_rows(std::vector<int64_t>{4}, 4), ElementsAre(Row{{0, 0, 4}}));
}

// Whatever the lengths: rows are full, every token stands in one, pieces are what they say, and
// nothing but the last row repeats.
TEST(RowPacking, EveryTokenOnceInFullRows) {
  uint32_t state = 1;
  const auto random = [&](uint32_t below) {
    state = state * 1664525U + 1013904223U;
    return static_cast<int64_t>((state >> 8) % below);
  };
  for (int trial = 0; trial < 500; ++trial) {
    std::vector<int64_t> lengths(static_cast<size_t>(1 + random(9)));
    int64_t total = 0;
    for (int64_t& length : lengths) total += length = 1 + random(40);
    const int64_t row_length = 2 + random(30);
    const auto rows = pack_rows(lengths, row_length);
    std::set<std::pair<int64_t, int64_t>> seen;
    int64_t repeated = 0;
    for (const Row& row : rows) {
      int64_t tokens = 0;
      for (const Piece& piece : row) {
        tokens += piece.length();
        ASSERT_LT(piece.begin, piece.end);
        ASSERT_LE(piece.end, lengths[static_cast<size_t>(piece.sequence)]);
        for (int64_t i = piece.begin; i < piece.end; ++i) {
          const bool is_new = seen.emplace(piece.sequence, i).second;
          ASSERT_TRUE(is_new || &row == &rows.back()) << "a token twice before the last row";
          repeated += is_new ? 0 : 1;
        }
      }
      ASSERT_EQ(tokens, row_length);
    }
    EXPECT_EQ(static_cast<int64_t>(seen.size()), total) << "tokens in no row";
    EXPECT_LT(repeated, row_length);
  }
}

}  // namespace
}  // namespace lapidary::calibration
