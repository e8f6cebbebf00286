// Caches and masks together, as properties: whatever was appended, forgotten and laid out anew,
// each query sees exactly the positions that it must, in the rows of every head.
#include "engine/fixed_caches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <set>
#include <tuple>

namespace lapidary::engine {
namespace {

constexpr uint16_t kVisible = 9;
constexpr uint16_t kMasked = 4;
constexpr int64_t kHeads = 3;
constexpr int64_t kWidth = 2;

// What stands in the row of a position: a sequence that forgot positions writes others than before.
uint16_t code_of(int64_t position, int64_t head, int64_t generation) {
  return static_cast<uint16_t>(1 + position + 1000 * head + 5000 * generation);
}

struct Shape {
  const char* name;
  int64_t context, prefill, window, rewind;
};

class FixedCachesOf : public testing::TestWithParam<Shape> {
 protected:
  // A sliding layer and a full one.
  FixedCaches caches() const {
    const std::vector<FixedCaches::Tensor> tensors = {{{0, kHeads, kWidth, true}, 2},
                                                      {{1, kHeads, kWidth, false}, 2}};
    return FixedCaches::create(tensors, {.context_length = shape().context,
                                         .prefill_length = shape().prefill,
                                         .sliding_window = shape().window,
                                         .rewind_rows = shape().rewind})
        .value();
  }
  static const Shape& shape() { return GetParam(); }

  // Runs graphs of a role: `count` new rows, the rest of the run is filler.
  void append(FixedCaches& caches, contract::Role role, int64_t count) {
    const int64_t length = role == contract::Role::kDecode ? 1 : shape().prefill;
    caches.lay_out_for(role);
    std::vector<uint16_t> rows;
    for (int64_t head = 0; head < kHeads; ++head) {
      for (int64_t i = 0; i < length; ++i) {
        const uint16_t code =
            i < count ? code_of(caches.size() + i, head, generation_) : uint16_t{0xffff};
        rows.insert(rows.end(), kWidth, code);
      }
    }
    const std::byte* const data = std::as_bytes(std::span(rows)).data();
    const std::byte* const both[] = {data, data};
    for (int64_t i = 0; i < count; ++i) written_.push_back(generation_);
    caches.append(both, length, count);
    furthest_ = std::max(furthest_, caches.sliding_offset());
  }

  void truncate(FixedCaches& caches, int64_t length) {
    written_.resize(static_cast<size_t>(caches.truncate(length)));
    ++generation_;
    if (written_.empty()) furthest_ = 0;
  }

  // The first position that must be remembered.
  int64_t oldest() const { return std::max<int64_t>(0, furthest_ - shape().rewind); }

  void check(FixedCaches& caches, contract::Role role) const {
    if (!caches.fits(role)) return;
    caches.lay_out_for(role);
    const int64_t queries = role == contract::Role::kDecode ? 1 : shape().prefill;
    for (const bool sliding : {true, false}) {
      const int64_t past = caches.past(sliding, role);
      std::vector<uint16_t> mask(static_cast<size_t>(queries * (past + queries)));
      write_mask<uint16_t>(caches.rows(sliding), past, caches.size(), queries, kVisible, kMasked,
                           mask);
      for (int64_t query = 0; query < queries; ++query) {
        const auto row = std::span(mask).subspan(static_cast<size_t>(query * (past + queries)));
        check_query(caches, sliding, past, query, row.first(static_cast<size_t>(past + queries)));
      }
    }
  }

 private:
  void check_query(FixedCaches& caches, bool sliding, int64_t past, int64_t query,
                   std::span<const uint16_t> mask) const {
    const int64_t position = caches.size() + query;
    const int64_t first = sliding ? std::max<int64_t>(0, position - shape().window + 1) : 0;
    for (int64_t head = 0; head < kHeads; ++head) {
      std::multiset<uint16_t> seen;
      std::multiset<uint16_t> expected;
      for (int64_t p = first; p < caches.size(); ++p) {
        expected.insert(code_of(p, head, written_[static_cast<size_t>(p)]));
      }
      for (int64_t column = 0; column < past; ++column) {
        if (mask[static_cast<size_t>(column)] != kVisible) continue;
        uint16_t code = 0;
        const auto at = static_cast<size_t>((head * past + column) * kWidth) * sizeof code;
        std::memcpy(&code, caches.data(sliding ? 0 : 1) + at, sizeof code);
        seen.insert(code);
      }
      ASSERT_EQ(seen, expected) << "sliding " << sliding << ", size " << caches.size() << ", query "
                                << query << ", head " << head;
    }
    for (int64_t i = 0; past + i < static_cast<int64_t>(mask.size()); ++i) {
      const bool sees = i <= query && caches.size() + i >= first;
      ASSERT_EQ(mask[static_cast<size_t>(past + i)], sees ? kVisible : kMasked)
          << "query " << query << ", new token " << i;
    }
  }

  std::vector<int64_t> written_;  // generation of each position held
  int64_t generation_ = 0;
  int64_t furthest_ = 0;  // sliding_offset() was never beyond
};

// Catches a slot off by one, a ring that wraps wrongly, heads moved in the wrong order, filler that
// is seen, and rows not brought back after going back.
TEST_P(FixedCachesOf, EachQuerySeesWhatItMust) {
  std::mt19937 random(7);
  const auto pick = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  int64_t went_back = 0;
  int64_t filled = 0;
  for (int round = 0; round < 8; ++round) {
    FixedCaches one = caches();
    truncate(one, 0);
    for (int step = 0; step < 60; ++step) {
      const int64_t room = shape().context - one.size();
      filled += room == 0 ? 1 : 0;
      if (room == 0 || pick(0, 5) == 0) {
        const int64_t nearest = std::max<int64_t>(0, one.size() - 9);
        const int64_t to = pick(pick(0, 2) == 0 ? 0 : nearest, one.size());
        const int64_t ring = one.rows(true).ring;
        const bool can = to == 0 || std::max<int64_t>(0, to - ring) >= oldest();
        truncate(one, to);
        // What the options promise: it goes back that far.
        if (can) {
          ASSERT_EQ(one.size(), to);
        }
        went_back += one.size() > 0 ? 1 : 0;
      } else if (one.fits(contract::Role::kPrefill) && pick(0, 1) == 0) {
        append(one, contract::Role::kPrefill, pick(1, shape().prefill));
      } else {
        append(one, contract::Role::kDecode, 1);
      }
      if (one.size() == shape().context) continue;
      check(one, contract::Role::kPrefill);
      check(one, contract::Role::kDecode);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(went_back, 0);
  EXPECT_GT(filled, 0) << "the context was never full";
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, FixedCachesOf,
    testing::Values(Shape{"Usual", 40, 6, 8, 4}, Shape{"ChunkLongerThanWindow", 50, 16, 5, 3},
                    Shape{"WindowOfOne", 20, 4, 1, 2}, Shape{"WindowAsLongAsContext", 24, 5, 24, 4},
                    Shape{"WindowBetweenTheTwoPasts", 24, 8, 20, 4},
                    Shape{"NoWayBack", 40, 6, 8, 0}, Shape{"ChunksOfOne", 20, 1, 6, 4},
                    Shape{"HugeChunk", 20, 19, 6, 4},
                    Shape{"WayBackBeyondTheWindow", 40, 6, 5, 35}),
    [](const auto& test) { return test.param.name; });

TEST(FixedCaches, RefusesWhatCannotBe) {
  const std::vector<FixedCaches::Tensor> sliding = {{{3, 1, 4, true}, 2}};
  EXPECT_FALSE(FixedCaches::create(sliding, {.context_length = 8, .prefill_length = 2}).ok());
  EXPECT_FALSE(
      FixedCaches::create(
          {}, {.context_length = 8, .prefill_length = 2, .sliding_window = 4, .rewind_rows = -1})
          .ok());
}

}  // namespace
}  // namespace lapidary::engine
