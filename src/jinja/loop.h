// The variable `loop` and the walk behind it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "jinja/value.h"

namespace lapidary::jinja {

// Items that fail `test` are passed over. The test runs as late as possible (when an item is
// needed), because it may depend on what the loop's body did before.
class Loop : public Object, public std::enable_shared_from_this<Loop> {
 public:
  using Test = std::function<bool(const Value&)>;
  using Recurse = std::function<Value(Runtime&, const Value&)>;

  Loop(Items items, Test test, Recurse recurse, int depth)
      : items_(std::move(items)),
        test_(std::move(test)),
        recurse_(std::move(recurse)),
        depth_(depth) {}

  // Moves to the next item; false at the end.
  bool advance();
  const Value& current() const { return current_; }

  std::string type_name() const override { return "LoopContext"; }
  std::optional<Value> attribute(Runtime& runtime, const std::string& name) override;
  bool callable() const override { return true; }
  Value call(Runtime& runtime, Arguments arguments) override;

 private:
  bool peek();  // makes after_ the next item, if there is one
  int64_t count();
  Value changed(Runtime& runtime, Items values);

  Items items_;
  size_t next_ = 0;
  Test test_;
  Recurse recurse_;  // empty unless the loop is recursive
  int depth_;
  int64_t index0_ = -1;
  Value current_, before_;
  std::optional<Value> after_;
  std::optional<int64_t> length_;
  std::optional<Value> last_changed_;
};

}  // namespace lapidary::jinja
