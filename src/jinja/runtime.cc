#include "jinja/runtime.h"

#include <fmt/core.h>

#include <utility>

#include "jinja/scope.h"
#include "jinja/value.h"

namespace lapidary::jinja {
namespace {

[[noreturn]] void over_a_limit(std::string what) {
  throw Failure{ErrorKind::kBadInput, std::move(what), 0,
                "the template is refused as too costly: shorten the conversation, or use another "
                "template"};
}

}  // namespace

void fail(std::string what) { throw Failure{ErrorKind::kBadInput, std::move(what)}; }
void fail_unsupported(std::string what) { throw Failure{ErrorKind::kUnsupported, std::move(what)}; }

Runtime::~Runtime() {
  for (auto& scope : scopes_) scope->clear();
  for (auto& object : namespaces_) object->clear();
}

void Runtime::look_up() {
  next_look_ = steps_ + kStepsBetweenLooks;
  if (cancel_ != nullptr && cancel_->cancelled()) {
    throw Failure{ErrorKind::kCancelled, cancelled().what};
  }
  if (std::chrono::steady_clock::now() > deadline_) {
    over_a_limit(fmt::format("the template takes longer than {:g} s",
                             std::chrono::duration<double>(limits_.max_time).count()));
  }
}

void Runtime::out_of_steps() const {
  over_a_limit(fmt::format("the template takes more than {} steps", limits_.max_steps));
}
void Runtime::string_too_long(size_t bytes) const {
  over_a_limit(fmt::format("the template makes a string of {} bytes; the limit is {}", bytes,
                           limits_.max_string));
}
void Runtime::list_too_long(size_t items) const {
  over_a_limit(fmt::format("the template makes a list of {} items; the limit is {}", items,
                           limits_.max_items));
}

}  // namespace lapidary::jinja
