#include "jinja/runtime.h"

#include <fmt/core.h>

#include "jinja/scope.h"
#include "jinja/value.h"

namespace lapidary::jinja {

void fail(std::string what) { throw Failure{ErrorKind::kBadInput, std::move(what)}; }
void fail_unsupported(std::string what) { throw Failure{ErrorKind::kUnsupported, std::move(what)}; }

Runtime::~Runtime() {
  for (auto& scope : scopes_) scope->clear();
  for (auto& object : namespaces_) object->clear();
}

void Runtime::out_of_steps() const {
  fail(fmt::format("the template takes more than {} steps", limits_.max_steps));
}
void Runtime::string_too_long(size_t bytes) const {
  fail(fmt::format("the template makes a string of {} bytes; the limit is {}", bytes,
                   limits_.max_string));
}
void Runtime::list_too_long(size_t items) const {
  fail(fmt::format("the template makes a list of {} items; the limit is {}", items,
                   limits_.max_items));
}

}  // namespace lapidary::jinja
