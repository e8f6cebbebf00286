// Substring search whose worst case is linear, so that a template cannot make it quadratic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "jinja/runtime.h"

namespace lapidary::jinja {

// Like std::string_view::find.
size_t find_bytes(std::string_view haystack, std::string_view needle, size_t from);
// Like std::string_view::rfind without a position.
size_t rfind_bytes(std::string_view haystack, std::string_view needle);

// Python's str.replace; `count` < 0 means all. Accounts for the texts and, as it grows, for the
// result.
std::string replace_text(std::string_view text, std::string_view from, std::string_view to,
                         int64_t count, Runtime& runtime);

}  // namespace lapidary::jinja
