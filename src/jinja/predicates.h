// Jinja's tests: `value is name(arguments)`.
#pragma once

#include <string_view>

#include "jinja/value.h"

namespace lapidary::jinja {

using Predicate = bool (*)(const Value& operand, const Items& arguments, Runtime& runtime);

// Null if there is none of that name.
Predicate find_predicate(std::string_view name);
// Fails for an unknown name or a wrong number of arguments.
bool apply_predicate(std::string_view name, const Value& operand, Arguments arguments,
                     Runtime& runtime);

}  // namespace lapidary::jinja
