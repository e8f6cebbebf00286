// Matches the arguments of a built-in function to its parameters.
//
//   Bound args("indent", std::move(arguments), {"width", "first", "blank"});
//   int64_t width = args.integer(0, 4);
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/value.h"

namespace lapidary::jinja {

class Bound {
 public:
  // Fails on too many arguments, unknown names, or an argument given twice.
  Bound(std::string_view function, Arguments arguments,
        std::initializer_list<std::string_view> parameters);

  bool has(size_t index) const { return values_[index].has_value(); }
  // Given and not none.
  bool some(size_t index) const { return has(index) && !values_[index]->is_none(); }
  const Value& value(size_t index) const;  // fails if it was not given
  Value value_or(size_t index, Value fallback) const;
  int64_t integer(size_t index, int64_t fallback) const;  // fails for other kinds
  bool boolean(size_t index, bool fallback, Runtime& runtime) const;
  // Fails for other kinds. The text is the argument's own: it lives as long as this object.
  std::string_view text(size_t index, std::string_view fallback) const;

 private:
  std::string function_;
  std::vector<std::string_view> names_;
  std::vector<std::optional<Value>> values_;
};

}  // namespace lapidary::jinja
