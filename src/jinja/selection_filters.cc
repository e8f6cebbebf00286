// Filters that apply other filters or tests: map, select, reject and relatives; default; attr.
#include <fmt/core.h>

#include "jinja/attribute_path.h"
#include "jinja/bind.h"
#include "jinja/filters.h"
#include "jinja/predicates.h"

namespace lapidary::jinja {
namespace {

std::string take_name(Arguments& arguments, const char* what) {
  if (arguments.positional.empty()) fail(what);
  const Value name = arguments.positional.front();
  arguments.positional.erase(arguments.positional.begin());
  if (!name.is_string()) fail("a filter's or test's name must be text, not " + type_name(name));
  return name.string();
}

// False for what Jinja's generators give nothing for, iterable or not.
bool worth_walking(const Value& v, Runtime& runtime) { return truthy(v, runtime); }

Value map(Value v, Arguments arguments, Runtime& runtime) {
  Items out;
  if (!worth_walking(v, runtime)) return OneShot::make("generator", {});
  if (arguments.positional.empty() && arguments.find_keyword("attribute") != nullptr) {
    const Bound args("map", std::move(arguments), {"attribute", "default"});
    const AttributePath path(args.value(0), runtime);
    const Value* fallback = args.some(1) ? &args.value(1) : nullptr;
    for (Value& item : iterate(v, runtime)) {
      out.push_back(path.of(std::move(item), runtime, fallback));
    }
    return OneShot::make("generator", std::move(out));
  }
  const std::string name = take_name(arguments, "map requires a filter argument");
  for (Value& item : iterate(v, runtime)) {
    runtime.spend(arguments.positional.size() + 4 * arguments.keyword.size());  // they are copied
    out.push_back(apply_filter(name, std::move(item), arguments, runtime));
  }
  return OneShot::make("generator", std::move(out));
}

Value choose(Value v, Arguments arguments, Runtime& runtime, bool keep, bool by_attribute) {
  if (!worth_walking(v, runtime)) return OneShot::make("generator", {});
  Value attribute{None{}};
  if (by_attribute) {
    if (arguments.positional.empty()) fail("missing parameter for attribute name");
    attribute = arguments.positional.front();
    arguments.positional.erase(arguments.positional.begin());
  }
  const AttributePath path(attribute, runtime);
  std::optional<std::string> test;
  if (!arguments.positional.empty()) test = take_name(arguments, "");
  Items out;
  for (Value& item : iterate(v, runtime)) {
    runtime.spend(1 + arguments.positional.size() + 4 * arguments.keyword.size());
    const Value subject = path.of(item, runtime);
    const bool passed =
        test ? apply_predicate(*test, subject, arguments, runtime) : truthy(subject, runtime);
    if (passed == keep) out.push_back(std::move(item));
  }
  return OneShot::make("generator", std::move(out));
}

Value select(Value v, Arguments arguments, Runtime& runtime) {
  return choose(std::move(v), std::move(arguments), runtime, true, false);
}
Value reject(Value v, Arguments arguments, Runtime& runtime) {
  return choose(std::move(v), std::move(arguments), runtime, false, false);
}
Value selectattr(Value v, Arguments arguments, Runtime& runtime) {
  return choose(std::move(v), std::move(arguments), runtime, true, true);
}
Value rejectattr(Value v, Arguments arguments, Runtime& runtime) {
  return choose(std::move(v), std::move(arguments), runtime, false, true);
}

Value default_filter(Value v, Arguments arguments, Runtime& runtime) {
  const Bound args("default", std::move(arguments), {"default_value", "boolean"});
  const bool replace = v.is_undefined() || (args.boolean(1, false, runtime) && !truthy(v, runtime));
  return replace ? args.value_or(0, Value("")) : v;
}

Value attr(Value v, Arguments arguments, Runtime& runtime) {
  const Bound args("attr", std::move(arguments), {"name"});
  args.value(0);
  const std::string name(args.text(0, ""));
  if (v.is_dict() && v.dict().find_text(name, runtime) != nullptr) {
    // Attributes only, not items: what a dict holds is not found.
    return Value::undefined(fmt::format("'dict object' has no attribute '{}'", name));
  }
  return get_attribute(v, name, runtime);
}

struct Row {
  std::string_view name;
  Filter filter;
};
constexpr Row kRows[] = {
    {"map", map},
    {"select", select},
    {"reject", reject},
    {"selectattr", selectattr},
    {"rejectattr", rejectattr},
    {"default", default_filter},
    {"d", default_filter},
    {"attr", attr},
};

}  // namespace

Filter find_selection_filter(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.filter;
  }
  return nullptr;
}

}  // namespace lapidary::jinja
