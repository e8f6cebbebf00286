#include "engine/chunk_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

namespace lapidary::engine {

Result<std::vector<Range>> plan_chunks(const Range& positions, const std::vector<Range>& whole,
                                       int64_t chunk) {
  std::vector<Range> chunks;
  for (int64_t begin = positions.begin; begin < positions.end;) {
    int64_t end = std::min(begin + chunk, positions.end);
    const auto cut = std::find_if(whole.begin(), whole.end(), [&](const Range& range) {
      return range.begin < end && end < range.end;
    });
    if (cut != whole.end()) {
      if (cut->begin <= begin) {
        const int64_t length = cut->end - cut->begin;
        return bad_input(
            "prompt",
            fmt::format("{} soft tokens of images side by side attend to each other, more "
                        "than a chunk of {} tokens",
                        length, chunk),
            fmt::format("use --chunk {} or more", length));
      }
      end = cut->begin;
    }
    chunks.push_back({begin, end});
    begin = end;
  }
  return chunks;
}

}  // namespace lapidary::engine
