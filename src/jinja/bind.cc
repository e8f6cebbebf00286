#include "jinja/bind.h"

#include <fmt/core.h>

#include <algorithm>

namespace lapidary::jinja {

Bound::Bound(std::string_view function, Arguments arguments,
             std::initializer_list<std::string_view> parameters)
    : function_(function), names_(parameters), values_(parameters.size()) {
  if (arguments.positional.size() > names_.size()) {
    fail(fmt::format("{}() takes at most {} argument(s), got {}", function_, names_.size(),
                     arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    values_[i] = std::move(arguments.positional[i]);
  }
  for (auto& [name, value] : arguments.keyword) {
    const auto it = std::find(names_.begin(), names_.end(), name);
    if (it == names_.end()) {
      fail(fmt::format("{}() got an unexpected keyword argument '{}'", function_, name));
    }
    auto& slot = values_[static_cast<size_t>(it - names_.begin())];
    if (slot) fail(fmt::format("{}() got multiple values for argument '{}'", function_, name));
    slot = std::move(value);
  }
}

const Value& Bound::value(size_t index) const {
  if (!values_[index]) {
    fail(fmt::format("{}() misses its argument '{}'", function_, names_[index]));
  }
  return *values_[index];
}

Value Bound::value_or(size_t index, Value fallback) const {
  return values_[index] ? *values_[index] : fallback;
}

int64_t Bound::integer(size_t index, int64_t fallback) const {
  if (!values_[index]) return fallback;
  const auto v = values_[index]->integer();
  if (!v) {
    fail(fmt::format("{}(): '{}' must be an integer, not '{}'", function_, names_[index],
                     type_name(*values_[index])));
  }
  return *v;
}

bool Bound::boolean(size_t index, bool fallback, Runtime& runtime) const {
  return values_[index] ? truthy(*values_[index], runtime) : fallback;
}

std::string_view Bound::text(size_t index, std::string_view fallback) const {
  if (!values_[index]) return fallback;
  if (!values_[index]->is_string()) {
    fail(fmt::format("{}(): '{}' must be a string, not '{}'", function_, names_[index],
                     type_name(*values_[index])));
  }
  return values_[index]->string();
}

}  // namespace lapidary::jinja
