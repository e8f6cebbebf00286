#include "jinja/bind.h"

#include <algorithm>

namespace lapidary::jinja {

Bound::Bound(std::string_view function, Arguments arguments,
             std::initializer_list<std::string_view> parameters)
    : function_(function), names_(parameters), values_(parameters.size()) {
  if (arguments.positional.size() > names_.size()) {
    fail(function_ + "() takes at most " + std::to_string(names_.size()) + " argument(s), got " +
         std::to_string(arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    values_[i] = std::move(arguments.positional[i]);
  }
  for (auto& [name, value] : arguments.keyword) {
    const auto it = std::find(names_.begin(), names_.end(), name);
    if (it == names_.end()) {
      fail(function_ + "() got an unexpected keyword argument '" + name + "'");
    }
    auto& slot = values_[static_cast<size_t>(it - names_.begin())];
    if (slot) fail(function_ + "() got multiple values for argument '" + name + "'");
    slot = std::move(value);
  }
}

const Value& Bound::value(size_t index) const {
  if (!values_[index]) {
    fail(function_ + "() misses its argument '" + std::string(names_[index]) + "'");
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
    fail(function_ + "(): '" + std::string(names_[index]) + "' must be an integer, not '" +
         type_name(*values_[index]) + "'");
  }
  return *v;
}

bool Bound::boolean(size_t index, bool fallback, Runtime& runtime) const {
  return values_[index] ? truthy(*values_[index], runtime) : fallback;
}

std::string Bound::text(size_t index, std::string_view fallback) const {
  if (!values_[index]) return std::string(fallback);
  if (!values_[index]->is_string()) {
    fail(function_ + "(): '" + std::string(names_[index]) + "' must be a string, not '" +
         type_name(*values_[index]) + "'");
  }
  return values_[index]->string();
}

}  // namespace lapidary::jinja
