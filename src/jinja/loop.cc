#include "jinja/loop.h"

namespace lapidary::jinja {

bool Loop::peek() {
  if (after_) return true;
  while (next_ < items_.size()) {
    const Value& item = items_[next_++];
    if (test_ && !test_(item)) continue;
    after_ = item;
    return true;
  }
  return false;
}

bool Loop::advance() {
  if (!peek()) return false;
  ++index0_;
  before_ = std::exchange(current_, std::move(*after_));
  after_.reset();
  return true;
}

int64_t Loop::count() {
  if (length_) return *length_;
  if (!test_) {
    length_ = static_cast<int64_t>(items_.size());
    return *length_;
  }
  // Settle the test for all that is left.
  Items rest;
  for (; next_ < items_.size(); ++next_) {
    if (test_(items_[next_])) rest.push_back(items_[next_]);
  }
  length_ = static_cast<int64_t>(rest.size()) + index0_ + 1 + (after_ ? 1 : 0);
  items_ = std::move(rest);
  next_ = 0;
  test_ = nullptr;
  return *length_;
}

Value Loop::changed(Runtime& runtime, Items values) {
  Value now = Value::tuple(std::move(values));
  if (last_changed_ && equals(*last_changed_, now, runtime)) return Value(false);
  last_changed_ = std::move(now);
  return Value(true);
}

Value Loop::call(Runtime& runtime, Arguments arguments) {
  if (!recurse_) fail("loop() may be called only in a loop marked 'recursive'");
  if (arguments.positional.size() != 1 || !arguments.keyword.empty()) {
    fail("loop() takes one argument");
  }
  return recurse_(runtime, arguments.positional[0]);
}

std::optional<Value> Loop::attribute(Runtime&, const std::string& name) {
  if (name == "index0") return Value(index0_);
  if (name == "index") return Value(index0_ + 1);
  if (name == "first") return Value(index0_ == 0);
  if (name == "last") return Value(!peek());
  if (name == "length") return Value(count());
  if (name == "revindex") return Value(count() - index0_);
  if (name == "revindex0") return Value(count() - index0_ - 1);
  if (name == "depth0") return Value(int64_t{depth_});
  if (name == "depth") return Value(int64_t{depth_} + 1);
  if (name == "previtem") {
    return index0_ == 0 ? Value::undefined("there is no previous item") : before_;
  }
  if (name == "nextitem") {
    return peek() ? *after_ : Value::undefined("there is no next item");
  }
  if (name == "cycle") {
    return Value(std::make_shared<Function>(
        "cycle", [self = shared_from_this()](Runtime&, Arguments arguments) {
          if (arguments.positional.empty()) fail("no items for cycling given");
          const auto count = static_cast<int64_t>(arguments.positional.size());
          return arguments.positional[static_cast<size_t>(self->index0_ % count)];
        }));
  }
  if (name == "changed") {
    return Value(std::make_shared<Function>(
        "changed", [self = shared_from_this()](Runtime& runtime, Arguments arguments) {
          return self->changed(runtime, std::move(arguments.positional));
        }));
  }
  return std::nullopt;
}

}  // namespace lapidary::jinja
