// Substring search whose worst case is linear, so that a template cannot make it quadratic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lapidary::jinja {

// Like std::string_view::find.
size_t find_bytes(std::string_view haystack, std::string_view needle, size_t from);
// Like std::string_view::rfind without a position.
size_t rfind_bytes(std::string_view haystack, std::string_view needle);

// Python's str.replace; `count` < 0 means all. Fails when the result would pass `max_bytes`.
std::string replace_text(std::string_view text, std::string_view from, std::string_view to,
                         int64_t count, size_t max_bytes);

}  // namespace lapidary::jinja
