// The `attribute=` arguments of filters: "name", "a.b.0", or an integer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jinja/value.h"

namespace lapidary::jinja {

class AttributePath {
 public:
  // None gives the empty path: the item itself.
  AttributePath(const Value& attribute, Runtime& runtime);
  // Looks the path up; wherever something is undefined, `fallback` takes its place, if given.
  Value of(Value item, Runtime& runtime, const Value* fallback = nullptr) const;

 private:
  std::vector<Value> parts_;
};

// Strings become lower case, other values stay: how filters ignore case.
Value ignore_case(const Value& value, Runtime& runtime);

}  // namespace lapidary::jinja
