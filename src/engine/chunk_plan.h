// How a prompt is cut into runs of the graphs.
//
//   // An image at [3, 9) that may not be cut, chunks of at most 8: [0, 3) [3, 11) [11, 12)
//   LAP_ASSIGN_OR_RETURN(std::vector<Range> chunks, plan_chunks({0, 12}, {{3, 9}}, 8));
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace lapidary::engine {

// Positions [begin, end) of a prompt.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  bool operator==(const Range&) const = default;
};

// Covers `positions` with chunks of at most `chunk` positions, as long as they can be, of which
// none ends inside a range of `whole` (in order, not overlapping). Error: kBadInput for such a
// range that is longer than a chunk, with the chunk it needs.
Result<std::vector<Range>> plan_chunks(const Range& positions, const std::vector<Range>& whole,
                                       int64_t chunk);

}  // namespace lapidary::engine
