// Python's str.split and relatives.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "jinja/runtime.h"

namespace lapidary::jinja {

using Pieces = std::vector<std::string_view>;

// At white space, or at `separator` when it is not empty; `max` < 0: no bound. `from_right`:
// rsplit. Each accounts for the text and, as they come, for the pieces, which must be no more than
// a list may hold.
Pieces split_space(std::string_view text, int64_t max, bool from_right, Runtime& runtime);
Pieces split_at(std::string_view text, std::string_view separator, int64_t max, bool from_right,
                Runtime& runtime);
Pieces split_lines(std::string_view text, bool keep_ends, Runtime& runtime);

}  // namespace lapidary::jinja
