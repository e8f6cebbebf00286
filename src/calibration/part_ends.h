// Where a graph is cut to be run a part at a time, so that memory does not grow with the model.
//
//   const graph::NodeRanges ranges(graph);
//   size_t begin = 0;
//   for (const size_t end : part_ends(graph, ranges, int64_t{1} << 30)) {
//     const graph::Graph part = ranges.cut(begin, end, declare);
//     begin = end;
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph/graph.h"
#include "graph/node_ranges.h"

namespace lapidary::calibration {

// The end of each part, the last being that of the graph. A part has at most `most_bytes` of
// constants, unless one node alone has more; it ends where the fewest values are handed over, in
// the second half of what it may hold: between layers, rather than inside of one.
std::vector<size_t> part_ends(const graph::Graph& graph, const graph::NodeRanges& ranges,
                              int64_t most_bytes);

// Of the constants of the part that has the most, each counted once.
int64_t largest_part_bytes(const graph::Graph& graph, int64_t most_bytes);

}  // namespace lapidary::calibration
