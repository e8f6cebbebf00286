#include "jinja/globals.h"

#include <fmt/core.h>

#include <array>
#include <ctime>

#include "jinja/bind.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

int64_t integer_argument(const Value& value) {
  if (value.is_undefined()) fail(value.undefined_message());
  if (!value.integer()) {
    fail(fmt::format("'{}' object cannot be interpreted as an integer", type_name(value)));
  }
  return *value.integer();
}

Value range(Runtime&, Arguments arguments) {
  const Bound args("range", std::move(arguments), {"start", "stop", "step"});
  const int64_t first = integer_argument(args.value(0));
  if (!args.has(1)) return Value(std::make_shared<Range>(0, first, 1));
  const int64_t step = args.has(2) ? integer_argument(args.value(2)) : 1;
  return Value(std::make_shared<Range>(first, integer_argument(args.value(1)), step));
}

// What dict(...) and namespace(...) are made of: a mapping or pairs, then keywords.
Dict collect(Runtime& runtime, Arguments arguments) {
  Dict out;
  if (arguments.positional.size() > 1) fail("dict() takes at most one positional argument");
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is_dict()) {
      runtime.spend_new_items(source.dict().size());
      out = source.dict();
    } else {
      for (const Value& pair : iterate(source, runtime)) {
        const Items parts = iterate(pair, runtime);
        if (parts.size() != 2) fail("dict() expects pairs");
        out.set(parts[0], parts[1], runtime);
      }
    }
  }
  for (auto& [name, value] : arguments.keyword) out.set(Value(name), std::move(value), runtime);
  return out;
}

Value dict(Runtime& runtime, Arguments arguments) {
  return Value::dict(collect(runtime, std::move(arguments)));
}

Value make_namespace(Runtime& runtime, Arguments arguments) {
  auto object = std::make_shared<Namespace>();
  const Dict attributes = collect(runtime, std::move(arguments));
  for (const auto& [name, value] : attributes.entries()) {
    if (!name.is_string()) fail("a namespace's attributes must have names");
    object->set(name.string(), value, runtime);
  }
  runtime.adopt(object);
  return Value(Value::ObjectPtr(std::move(object)));
}

class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string type_name() const override { return "Joiner"; }
  bool callable() const override { return true; }
  Value call(Runtime&, Arguments arguments) override {
    const Bound args("joiner", std::move(arguments), {});
    return std::exchange(used_, true) ? separator_ : Value("");
  }

 private:
  Value separator_;
  bool used_ = false;
};

class Cycler : public Object, public std::enable_shared_from_this<Cycler> {
 public:
  explicit Cycler(Items items) : items_(std::move(items)) {}
  std::string type_name() const override { return "Cycler"; }
  std::optional<Value> attribute(Runtime&, const std::string& name) override {
    if (name == "current") return items_[position_];
    if (name == "next" || name == "reset") {
      const bool next = name == "next";
      return Value(
          std::make_shared<Function>(name, [self = shared_from_this(), next](Runtime&, Arguments) {
            const Value current = self->items_[self->position_];
            self->position_ = next ? (self->position_ + 1) % self->items_.size() : 0;
            return next ? current : Value(None{});
          }));
    }
    return std::nullopt;
  }

 private:
  Items items_;
  size_t position_ = 0;
};

Value joiner(Runtime&, Arguments arguments) {
  const Bound args("joiner", std::move(arguments), {"sep"});
  return Value(std::make_shared<Joiner>(Value(args.text(0, ", "))));
}

Value cycler(Runtime&, Arguments arguments) {
  if (arguments.positional.empty()) fail("cycler: at least one item has to be provided");
  return Value(std::make_shared<Cycler>(std::move(arguments.positional)));
}

Value raise_exception(Runtime& runtime, Arguments arguments) {
  const Bound args("raise_exception", std::move(arguments), {"message"});
  fail("the template refuses this conversation: " + to_text(args.value(0), runtime));
}

Value strftime_now(Runtime& runtime, Arguments arguments) {
  const Bound args("strftime_now", std::move(arguments), {"format"});
  args.value(0);
  const std::string format(args.text(0, ""));
  if (format.empty()) return Value("");
  const std::time_t now = runtime.now().value_or(std::time(nullptr));
  std::tm parts{};
  localtime_r(&now, &parts);
  std::array<char, 4096> buffer;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const size_t size = std::strftime(buffer.data(), buffer.size(), format.c_str(), &parts);
#pragma GCC diagnostic pop
  const std::string out(buffer.data(), size);
  if (size == 0 || !valid_utf8(out)) fail(fmt::format("strftime_now cannot format '{}'", format));
  return Value(out);
}

}  // namespace

void define_globals(Scope& scope) {
  const auto define = [&](const char* name, Value (*function)(Runtime&, Arguments)) {
    scope.set(name, Value(std::make_shared<Function>(name, function)));
  };
  define("range", range);
  define("dict", dict);
  define("namespace", make_namespace);
  define("joiner", joiner);
  define("cycler", cycler);
  define("raise_exception", raise_exception);
  define("strftime_now", strftime_now);
}

}  // namespace lapidary::jinja
