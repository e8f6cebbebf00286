#include "engine/chunk_plan.h"

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
        const std::string length = std::to_string(cut->end - cut->begin);
        return bad_input("prompt",
                         length +
                             " soft tokens of images side by side attend to each other, more "
                             "than a chunk of " +
                             std::to_string(chunk) + " tokens",
                         "use --chunk " + length + " or more");
      }
      end = cut->begin;
    }
    chunks.push_back({begin, end});
    begin = end;
  }
  return chunks;
}

}  // namespace lapidary::engine
