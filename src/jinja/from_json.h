// JSON to template values.
#pragma once

#include <string>

#include "base/json.h"
#include "jinja/value.h"

namespace lapidary::jinja {

// Fails (naming `where`) on text that is not UTF-8, integers beyond 64 bits, nesting too deep.
Value from_json(const Json& json, const std::string& where, int depth = 0);

}  // namespace lapidary::jinja
