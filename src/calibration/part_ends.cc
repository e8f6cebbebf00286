#include "calibration/part_ends.h"

#include <algorithm>
#include <set>
#include <string>

namespace lapidary::calibration {

namespace {

// Constants of less than this share of a part, scalars above all, are no reason to begin another:
// behind a large node (a head) that would hand over what it makes, which is larger still.
constexpr int64_t kPartsOfAPart = 1024;

}  // namespace

std::vector<size_t> part_ends(const graph::Graph& graph, const graph::NodeRanges& ranges,
                              int64_t most_bytes) {
  // Nodes of constants at the end are in nobody's way, and no part of their own.
  size_t count = graph.nodes.size();
  while (count > 0 && ranges.is_constant(count - 1)) --count;
  const std::vector<size_t> crossing = ranges.crossing_values();
  std::vector<size_t> ends;
  for (size_t begin = 0; begin < count;) {
    int64_t bytes = 0;
    size_t best = 0;  // none yet
    size_t at = begin;
    for (bool is_empty = true; at < count; ++at) {
      if (ranges.is_constant(at)) continue;
      const int64_t more = ranges.constant_bytes(at);
      const bool is_small = more <= most_bytes / kPartsOfAPart;
      if (!is_empty && !is_small && more > most_bytes - bytes) break;
      is_empty = false;
      bytes += more;
      const bool is_late = bytes >= most_bytes / 2;
      if (is_late && (best == 0 || crossing[at + 1] <= crossing[best])) best = at + 1;
    }
    // What is left fits; or the next node alone is so large that no place was late enough.
    if (at == count || best == 0) best = at;
    ends.push_back(best);
    begin = best;
  }
  if (ends.empty()) ends.push_back(0);
  ends.back() = graph.nodes.size();
  return ends;
}

int64_t largest_part_bytes(const graph::Graph& graph, int64_t most_bytes) {
  const graph::NodeRanges ranges(graph);
  int64_t largest = 0;
  size_t begin = 0;
  for (const size_t end : part_ends(graph, ranges, most_bytes)) {
    std::set<std::string> constants;
    for (size_t i = begin; i < end; ++i) {
      if (!ranges.is_constant(i)) constants.merge(ranges.constants(i));
    }
    int64_t bytes = 0;
    for (const std::string& name : constants) bytes += graph.initializers.at(name).type().bytes();
    largest = std::max(largest, bytes);
    begin = end;
  }
  return largest;
}

}  // namespace lapidary::calibration
