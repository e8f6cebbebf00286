// Python's two ways to format text: "%s" % value and "{}".format(value).
#pragma once

#include <string>
#include <string_view>

#include "jinja/value.h"

namespace lapidary::jinja {

// `arguments`: a tuple gives several values, a dict the named ones, anything else is one value.
std::string format_percent(std::string_view pattern, const Value& arguments, Runtime& runtime);
// str.format.
std::string format_braces(std::string_view pattern, const Arguments& arguments, Runtime& runtime);

}  // namespace lapidary::jinja
