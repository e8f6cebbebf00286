// Which row of a static cache holds which position, and what attention masks make of it.
//
// A cache tensor of the graphs has a fixed number of rows, and their order does not matter to
// attention. So position p lies in row p % rows: sliding layers are rings, and of full layers each
// position has its own row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace lapidary::engine {

struct CacheRing {
  int64_t window = 0;  // positions that a query sees, its own included; 0: all
  int64_t ring = 0;    // rows of the longest past, which are those of the graph of one token
};

// Rows of a cache in a graph that runs `length` tokens (passes/fixed_shapes/static_llm.h).
inline int64_t past_rows(int64_t window, int64_t context_length, int64_t length) {
  const int64_t past = context_length - length;
  return window > 0 ? std::clamp<int64_t>(window - 1, 1, past) : past;
}

// [queries, past + queries], what a mask adds to the scores: `visible` where a query (row) sees the
// key (column), else `masked`. The columns are the past rows of a cache that holds the positions
// [0, held) as far as they are in the ring, then the new tokens [held, held + queries). Where the
// graph has fewer rows than the ring, no position may lie behind them: held <= past.
// Written anew for each run: a step's few thousand elements cost a microsecond, less than
// remembering what the last run left.
template <typename T>
void write_mask(const CacheRing& rows, int64_t past, int64_t held, int64_t queries, T visible,
                T masked, std::span<T> out) {
  const int64_t width = past + queries;
  const auto at = [](int64_t i) { return static_cast<std::ptrdiff_t>(i); };
  std::fill(out.begin(), out.end(), masked);
  for (int64_t query = 0; query < queries; ++query) {
    const auto row = out.begin() + at(query * width);
    const int64_t oldest = rows.window > 0 ? held + query - rows.window + 1 : 0;
    const int64_t first = std::max<int64_t>({0, held - rows.ring, oldest});
    if (first < held) {
      const int64_t begin = first % rows.ring;
      const int64_t end = begin + (held - first);
      std::fill(row + at(begin), row + at(std::min(end, rows.ring)), visible);
      std::fill(row, row + at(std::max<int64_t>(end - rows.ring, 0)), visible);
    }
    const int64_t newest = std::max<int64_t>(0, oldest - held);
    std::fill(row + at(past + newest), row + at(past + query + 1), visible);
  }
}

}  // namespace lapidary::engine
