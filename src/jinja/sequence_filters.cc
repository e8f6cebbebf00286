// Filters on lists, dicts and other iterables.
#include <fmt/core.h>

#include <algorithm>

#include "jinja/arithmetic.h"
#include "jinja/attribute_path.h"
#include "jinja/bind.h"
#include "jinja/filters.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

#define JINJA_FILTER_PARAMETERS \
  [[maybe_unused]] Value v, [[maybe_unused]] Arguments arguments, [[maybe_unused]] Runtime &runtime

// Items with the keys they are ordered by.
using Keyed = std::vector<std::pair<Value, Value>>;

void sort_keyed(Keyed& items, bool reverse, Runtime& runtime) {
  // Reversed like Python's: equal items keep their order.
  std::stable_sort(items.begin(), items.end(), [&](const auto& a, const auto& b) {
    return reverse ? less(b.first, a.first, runtime) : less(a.first, b.first, runtime);
  });
}

Value values_of(Keyed items) {
  Items out;
  out.reserve(items.size());
  for (auto& [key, value] : items) out.push_back(std::move(value));
  return Value::list(std::move(out));
}

Value length_filter(JINJA_FILTER_PARAMETERS) {
  const Bound args("length", std::move(arguments), {});
  return Value(length(v, runtime));
}

Value list(JINJA_FILTER_PARAMETERS) {
  const Bound args("list", std::move(arguments), {});
  return Value::list(iterate(v, runtime));
}

Value first(JINJA_FILTER_PARAMETERS) {
  const Bound args("first", std::move(arguments), {});
  if (auto* one_shot = v.object_as<OneShot>()) {
    return one_shot->take().value_or(Value::undefined("No first item, sequence was empty."));
  }
  if (v.is_sequence() && !v.items().empty()) return v.items().front();
  const Items items = iterate(v, runtime);
  return items.empty() ? Value::undefined("No first item, sequence was empty.") : items.front();
}

Value last(JINJA_FILTER_PARAMETERS) {
  const Bound args("last", std::move(arguments), {});
  if (v.object_as<OneShot>() != nullptr || v.object_as<Namespace>() != nullptr) {
    fail(fmt::format("'{}' object is not reversible (take |list first)", type_name(v)));
  }
  if (v.is_undefined()) fail(v.undefined_message());
  const Items items = iterate(v, runtime);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value join(JINJA_FILTER_PARAMETERS) {
  const Bound args("join", std::move(arguments), {"d", "attribute"});
  const std::string separator = to_text(args.value_or(0, Value("")), runtime);
  const AttributePath path(args.value_or(1, Value(None{})), runtime);
  std::string out;
  bool is_first = true;
  for (const Value& item : iterate(v, runtime)) {
    const std::string text = to_text(path.of(item, runtime), runtime);
    runtime.spend_append(out.size(), separator.size() + text.size());
    if (!std::exchange(is_first, false)) out += separator;
    out += text;
  }
  return Value(std::move(out));
}

Value reverse(JINJA_FILTER_PARAMETERS) {
  const Bound args("reverse", std::move(arguments), {});
  if (v.is_string()) {
    runtime.spend_decode(v.string().size());
    Text text = decode(v.string());
    std::reverse(text.begin(), text.end());
    return Value(encode(text));
  }
  if (v.is_undefined()) fail(v.undefined_message());
  const bool was_one_shot = v.object_as<OneShot>() != nullptr;
  Items items = iterate(v, runtime);
  std::reverse(items.begin(), items.end());
  if (was_one_shot) return Value::list(std::move(items));
  return OneShot::make("list_reverseiterator", std::move(items));
}

Value sort(JINJA_FILTER_PARAMETERS) {
  const Bound args("sort", std::move(arguments), {"reverse", "case_sensitive", "attribute"});
  const bool case_sensitive = args.boolean(1, false, runtime);
  std::vector<AttributePath> paths;
  const Value attribute = args.value_or(2, Value(None{}));
  if (attribute.is_string()) {
    size_t start = 0;
    const std::string& names = attribute.string();
    while (true) {
      const size_t comma = std::min(names.find(',', start), names.size());
      runtime.spend(4);
      paths.emplace_back(Value(names.substr(start, comma - start)), runtime);
      if (comma == names.size()) break;
      start = comma + 1;
    }
  } else {
    paths.emplace_back(attribute, runtime);
  }
  Keyed keyed;
  for (Value& item : iterate(v, runtime)) {
    runtime.spend(4 + paths.size());
    Items key;
    for (const AttributePath& path : paths) {
      const Value part = path.of(item, runtime);
      key.push_back(case_sensitive ? part : ignore_case(part, runtime));
    }
    keyed.emplace_back(Value::list(std::move(key)), std::move(item));
  }
  sort_keyed(keyed, args.boolean(0, false, runtime), runtime);
  return values_of(std::move(keyed));
}

Value dictsort(JINJA_FILTER_PARAMETERS) {
  const Bound args("dictsort", std::move(arguments), {"case_sensitive", "by", "reverse"});
  if (v.is_undefined()) fail(v.undefined_message());
  if (!v.is_dict()) fail(fmt::format("'{}' object has no attribute 'items'", type_name(v)));
  const std::string_view by = args.text(1, "key");
  if (by != "key" && by != "value") fail("dictsort: you can only sort by \"key\" or \"value\"");
  const bool case_sensitive = args.boolean(0, false, runtime);
  Keyed keyed;
  runtime.spend_new_items(v.dict().size());
  for (const auto& [key, value] : v.dict().entries()) {
    const Value& sorted_by = by == "key" ? key : value;
    keyed.emplace_back(case_sensitive ? sorted_by : ignore_case(sorted_by, runtime),
                       Value::tuple({key, value}));
  }
  sort_keyed(keyed, args.boolean(2, false, runtime), runtime);
  return values_of(std::move(keyed));
}

Value items(JINJA_FILTER_PARAMETERS) {
  const Bound args("items", std::move(arguments), {});
  Items out;
  if (v.is_undefined()) return OneShot::make("generator", {});
  if (!v.is_dict()) {
    fail(fmt::format("can only get item pairs from a mapping, not '{}'", type_name(v)));
  }
  runtime.spend_new_items(v.dict().size());
  for (const auto& [key, value] : v.dict().entries()) out.push_back(Value::tuple({key, value}));
  return OneShot::make("generator", std::move(out));
}

Value unique(JINJA_FILTER_PARAMETERS) {
  const Bound args("unique", std::move(arguments), {"case_sensitive", "attribute"});
  const bool case_sensitive = args.boolean(0, false, runtime);
  const AttributePath path(args.value_or(1, Value(None{})), runtime);
  Dict seen;
  Items out;
  for (Value& item : iterate(v, runtime)) {
    Value key = path.of(item, runtime);
    if (!case_sensitive) key = ignore_case(key, runtime);
    if (seen.find(key, runtime) != nullptr) continue;
    seen.set(std::move(key), Value(true), runtime);
    out.push_back(std::move(item));
  }
  return OneShot::make("generator", std::move(out));
}

Value extreme(Value v, Arguments arguments, Runtime& runtime, bool largest) {
  const Bound args(largest ? "max" : "min", std::move(arguments), {"case_sensitive", "attribute"});
  const bool case_sensitive = args.boolean(0, false, runtime);
  const AttributePath path(args.value_or(1, Value(None{})), runtime);
  std::optional<std::pair<Value, Value>> best;
  for (Value& item : iterate(v, runtime)) {
    Value key = path.of(item, runtime);
    if (!case_sensitive) key = ignore_case(key, runtime);
    const bool better =
        !best || (largest ? less(best->first, key, runtime) : less(key, best->first, runtime));
    if (better) best.emplace(std::move(key), std::move(item));
  }
  return best ? best->second : Value::undefined("No aggregated item, sequence was empty.");
}
Value max(JINJA_FILTER_PARAMETERS) {
  return extreme(std::move(v), std::move(arguments), runtime, true);
}
Value min(JINJA_FILTER_PARAMETERS) {
  return extreme(std::move(v), std::move(arguments), runtime, false);
}

Value sum(JINJA_FILTER_PARAMETERS) {
  const Bound args("sum", std::move(arguments), {"attribute", "start"});
  const AttributePath path(args.value_or(0, Value(None{})), runtime);
  Value total = args.value_or(1, Value(int64_t{0}));
  if (total.is_string()) fail("sum() can't sum strings");
  for (const Value& item : iterate(v, runtime)) {
    total = binary(BinaryOp::kAdd, total, path.of(item, runtime), runtime);
  }
  return total;
}

Value batch(JINJA_FILTER_PARAMETERS) {
  const Bound args("batch", std::move(arguments), {"linecount", "fill_with"});
  args.value(0);
  const int64_t size = args.integer(0, 1);
  Items out;
  Items row;
  for (Value& item : iterate(v, runtime)) {
    if (static_cast<int64_t>(row.size()) == size) {
      runtime.spend(4);
      out.push_back(Value::list(std::exchange(row, {})));
    }
    row.push_back(std::move(item));
  }
  if (!row.empty()) {
    if (args.some(1) && static_cast<int64_t>(row.size()) < size) {
      runtime.spend_items(static_cast<size_t>(size));
      row.resize(static_cast<size_t>(size), args.value(1));
    }
    out.push_back(Value::list(std::move(row)));
  }
  return OneShot::make("generator", std::move(out));
}

Value slice(JINJA_FILTER_PARAMETERS) {
  const Bound args("slice", std::move(arguments), {"slices", "fill_with"});
  args.value(0);
  const int64_t slices = args.integer(0, 1);
  if (slices == 0) fail("integer division or modulo by zero");
  const Items all = iterate(v, runtime);
  Items out;
  if (slices > 0) {
    runtime.spend_new_items(static_cast<size_t>(slices));
    const auto size = static_cast<int64_t>(all.size());
    const int64_t extra = size % slices;
    auto at = all.begin();
    for (int64_t i = 0; i < slices; ++i) {
      const auto next = at + (size / slices + (i < extra ? 1 : 0));
      Items column(at, next);
      if (args.some(1) && i >= extra) column.push_back(args.value(1));
      out.push_back(Value::list(std::move(column)));
      at = next;
    }
  }
  return OneShot::make("generator", std::move(out));
}

Value groupby(JINJA_FILTER_PARAMETERS) {
  const Bound args("groupby", std::move(arguments), {"attribute", "default", "case_sensitive"});
  const AttributePath path(args.value(0), runtime);
  const Value* fallback = args.some(1) ? &args.value(1) : nullptr;
  const bool case_sensitive = args.boolean(2, false, runtime);
  Keyed keyed;
  for (Value& item : iterate(v, runtime)) {
    const Value key = path.of(item, runtime, fallback);
    keyed.emplace_back(case_sensitive ? key : ignore_case(key, runtime), std::move(item));
  }
  sort_keyed(keyed, false, runtime);
  Items groups;
  for (size_t i = 0; i < keyed.size();) {
    const Value key = path.of(keyed[i].second, runtime, fallback);
    runtime.spend(8);
    Items members;
    const Value sorted_by = keyed[i].first;
    for (; i < keyed.size() && equals(keyed[i].first, sorted_by, runtime); ++i) {
      members.push_back(keyed[i].second);
    }
    groups.push_back(Value::tuple({key, Value::list(std::move(members))}, true));
  }
  return Value::list(std::move(groups));
}

struct Row {
  std::string_view name;
  Filter filter;
};
constexpr Row kRows[] = {
    {"length", length_filter},
    {"count", length_filter},
    {"list", list},
    {"first", first},
    {"last", last},
    {"join", join},
    {"reverse", reverse},
    {"sort", sort},
    {"dictsort", dictsort},
    {"items", items},
    {"unique", unique},
    {"max", max},
    {"min", min},
    {"sum", sum},
    {"batch", batch},
    {"slice", slice},
    {"groupby", groupby},
};

}  // namespace

Filter find_sequence_filter(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.filter;
  }
  return nullptr;
}

}  // namespace lapidary::jinja
