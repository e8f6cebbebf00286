// JSON to template values.
#pragma once

#include <string_view>

#include "base/json.h"
#include "jinja/value.h"

namespace lapidary::jinja {

// Fails on text that is not UTF-8, integers beyond 64 bits, nesting too deep, naming the place:
// `name` and the way from there ("messages[2].content"). Accounts for what it goes through.
Value from_json(const Json& json, std::string_view name, Runtime& runtime);

}  // namespace lapidary::jinja
