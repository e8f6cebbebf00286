// The methods of str, dict and list (`"a b".split()`, `message.get("role")`).
#pragma once

#include <optional>
#include <string>

#include "jinja/value.h"

namespace lapidary::jinja {

// The method bound to `self`, or nothing if Python has no such attribute there. Methods that would
// change a list or dict are undefined, as in the sandbox of the reference; methods that exist in
// Python but not here fail by name.
std::optional<Value> find_method(const Value& self, const std::string& name, Runtime& runtime);

}  // namespace lapidary::jinja
