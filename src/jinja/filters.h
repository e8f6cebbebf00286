// Filters: `value | name(arguments)`.
#pragma once

#include <string_view>

#include "jinja/value.h"

namespace lapidary::jinja {

using Filter = Value (*)(Value operand, Arguments arguments, Runtime& runtime);

// Null if there is none of that name.
Filter find_filter(std::string_view name);
// Fails for an unknown name.
Value apply_filter(std::string_view name, Value operand, Arguments arguments, Runtime& runtime);

// The filters by subject; `find_filter` looks through them all.
Filter find_text_filter(std::string_view name);
Filter find_number_filter(std::string_view name);
Filter find_sequence_filter(std::string_view name);
Filter find_selection_filter(std::string_view name);

}  // namespace lapidary::jinja
