// Attributes, items and slices.
#include <fmt/core.h>

#include <algorithm>

#include "jinja/methods.h"
#include "jinja/unicode.h"
#include "jinja/value.h"

namespace lapidary::jinja {
namespace {

Value missing_attribute(const Value& object, const std::string& name, Runtime& runtime) {
  runtime.spend_scan(name.size());
  return Value::undefined(
      fmt::format("'{} object' has no attribute '{}'", type_name(object), name));
}

// An attribute in Python's sense: methods, object attributes; not dict items.
std::optional<Value> own_attribute(const Value& object, const std::string& name, Runtime& runtime) {
  if (object.is_object()) {
    if (auto found = object.object().attribute(runtime, name)) return found;
  }
  if (object.is_sequence() && object.sequence().group) {
    if (name == "grouper") return object.items().at(0);
    if (name == "list") return object.items().at(1);
  }
  return find_method(object, name, runtime);
}

std::optional<Value> item_of(const Items& items, const Value& key) {
  const auto index = key.integer();
  if (!index) return std::nullopt;
  const auto size = static_cast<int64_t>(items.size());
  const int64_t at = *index < 0 ? *index + size : *index;
  if (at < 0 || at >= size) return std::nullopt;
  return items[static_cast<size_t>(at)];
}

std::optional<Value> own_item(const Value& object, const Value& key, Runtime& runtime) {
  if (object.is_dict()) {
    if (key.is_list() || key.is_dict()) return std::nullopt;  // a TypeError, which Jinja swallows
    const Value* found = object.dict().find(key, runtime);
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  if (object.is_sequence()) return item_of(object.items(), key);
  if (object.is_string() && key.integer()) {
    const std::string& text = object.string();
    runtime.spend_decode(text.size());
    const auto size = static_cast<int64_t>(count_code_points(text));
    const int64_t at = *key.integer() < 0 ? *key.integer() + size : *key.integer();
    if (at < 0 || at >= size) return std::nullopt;
    size_t begin = 0;
    for (int64_t i = 0; i < at; ++i) next_char(text, begin);
    size_t end = begin;
    next_char(text, end);
    return Value(text.substr(begin, end - begin));
  }
  if (object.is_object() && object.object().indexable()) {
    return item_of(object.object().iterate(runtime), key);
  }
  return std::nullopt;
}

struct SliceBounds {
  int64_t start, stop, step;
};

std::optional<int64_t> slice_part(const Value& value) {
  if (value.is_none()) return std::nullopt;
  if (auto v = value.integer()) return v;
  if (value.is_undefined()) fail(value.undefined_message());
  fail(fmt::format("slice indices must be integers or none, not '{}'", type_name(value)));
}

// Python's slice.indices.
SliceBounds slice_bounds(const Value& start, const Value& stop, const Value& step, int64_t size) {
  const int64_t by = slice_part(step).value_or(1);
  if (by == 0) fail("slice step cannot be zero");
  const int64_t low = by > 0 ? 0 : -1;
  const int64_t high = by > 0 ? size : size - 1;
  const auto clamp = [&](std::optional<int64_t> v, int64_t fallback) {
    if (!v) return fallback;
    return std::clamp(*v < 0 ? *v + size : *v, low, high);
  };
  return {clamp(slice_part(start), by > 0 ? low : high),
          clamp(slice_part(stop), by > 0 ? high : low), by};
}

// How many indices `walk` visits.
size_t visited(const SliceBounds& bounds) {
  const int64_t low = std::min(bounds.start, bounds.stop);
  const int64_t high = std::max(bounds.start, bounds.stop);
  if (low == high || (bounds.start < bounds.stop) != (bounds.step > 0)) return 0;
  // A step's size as an unsigned number, because the smallest integer has no positive.
  const auto step = bounds.step > 0 ? static_cast<uint64_t>(bounds.step)
                                    : ~static_cast<uint64_t>(bounds.step) + 1;
  return static_cast<size_t>((static_cast<uint64_t>(high - low) - 1) / step + 1);
}

template <typename Take>
void walk(const SliceBounds& bounds, Take take) {
  int64_t i = bounds.start;
  while (bounds.step > 0 ? i < bounds.stop : i > bounds.stop) {
    take(static_cast<size_t>(i));
    if (__builtin_add_overflow(i, bounds.step, &i)) return;
  }
}

}  // namespace

Value get_item(const Value& object, const Value& key, Runtime& runtime) {
  if (object.is_undefined()) fail(object.undefined_message());
  if (auto found = own_item(object, key, runtime)) return *found;
  if (key.is_string()) {
    if (auto found = own_attribute(object, key.string(), runtime)) return *found;
    return missing_attribute(object, key.string(), runtime);
  }
  return Value::undefined(fmt::format("'{} object' has no element {}", type_name(object),
                                      key.is_object() ? type_name(key) : repr(key, runtime)));
}

Value get_attribute(const Value& object, const std::string& name, Runtime& runtime) {
  if (object.is_undefined()) fail(object.undefined_message());
  if (auto found = own_attribute(object, name, runtime)) return *found;
  if (object.is_dict()) {
    if (const Value* found = object.dict().find_text(name, runtime)) return *found;
  }
  return missing_attribute(object, name, runtime);
}

Value get_slice(const Value& object, const Value& start, const Value& stop, const Value& step,
                Runtime& runtime) {
  if (object.is_undefined()) fail(object.undefined_message());
  if (object.is_string()) {
    runtime.spend_decode(object.string().size());
    const Text text = decode(object.string());
    Text out;
    walk(slice_bounds(start, stop, step, static_cast<int64_t>(text.size())),
         [&](size_t i) { out.push_back(text[i]); });
    return Value(encode(out));
  }
  if (object.is_sequence()) {
    const Items& items = object.items();
    Items out;
    const SliceBounds bounds = slice_bounds(start, stop, step, static_cast<int64_t>(items.size()));
    runtime.spend_items(visited(bounds));
    walk(bounds, [&](size_t i) { out.push_back(items[i]); });
    return object.is_tuple() ? Value::tuple(std::move(out)) : Value::list(std::move(out));
  }
  if (object.is_object() && object.object().indexable()) {
    fail_unsupported(fmt::format("a slice of a {} (take |list first)", type_name(object)));
  }
  return Value::undefined(fmt::format("'{} object' cannot be sliced", type_name(object)));
}

}  // namespace lapidary::jinja
