#include "jinja/runtime.h"

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
  fail("the template takes more than " + std::to_string(limits_.max_steps) + " steps");
}
void Runtime::string_too_long(size_t bytes) const {
  fail("the template makes a string of " + std::to_string(bytes) + " bytes; the limit is " +
       std::to_string(limits_.max_string));
}
void Runtime::list_too_long(size_t items) const {
  fail("the template makes a list of " + std::to_string(items) + " items; the limit is " +
       std::to_string(limits_.max_items));
}

}  // namespace lapidary::jinja
