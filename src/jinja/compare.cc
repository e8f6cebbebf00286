// Equality, order and containment.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "jinja/text_search.h"
#include "jinja/value.h"

namespace lapidary::jinja {
namespace {

// Compares exactly: an int64 may not fit in a double.
int compare_numbers(const Value& a, const Value& b, bool& unordered) {
  unordered = false;
  if (a.integer() && b.integer()) {
    return *a.integer() < *b.integer() ? -1 : *a.integer() > *b.integer() ? 1 : 0;
  }
  const auto x =
      a.integer() ? static_cast<long double>(*a.integer()) : static_cast<long double>(*a.number());
  const auto y =
      b.integer() ? static_cast<long double>(*b.integer()) : static_cast<long double>(*b.number());
  unordered = std::isnan(x) || std::isnan(y);
  return x < y ? -1 : x > y ? 1 : 0;
}

// Two strings of a length are compared to the end at worst; others differ at once.
bool equal_texts(const std::string& a, const std::string& b, Runtime& runtime) {
  if (a.size() != b.size()) return false;
  runtime.spend_scan(a.size());
  return a == b;
}

bool equal_dicts(const Dict& a, const Dict& b, Runtime& runtime) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.entries().begin(), a.entries().end(), [&](const Dict::Entry& entry) {
    const Value* other = b.find(entry.first, runtime);
    return other != nullptr && equals(entry.second, *other, runtime);
  });
}

}  // namespace

bool equals(const Value& a, const Value& b, Runtime& runtime) {
  runtime.spend();
  if (a.is_number() && b.is_number()) {
    bool unordered = false;
    return compare_numbers(a, b, unordered) == 0 && !unordered;
  }
  if (a.is_undefined() || b.is_undefined()) return a.is_undefined() && b.is_undefined();
  if (a.is_string() && b.is_string()) return equal_texts(a.string(), b.string(), runtime);
  if (a.is_sequence() && b.is_sequence()) {
    if (a.sequence().tuple != b.sequence().tuple || a.items().size() != b.items().size()) {
      return false;
    }
    return std::equal(a.items().begin(), a.items().end(), b.items().begin(),
                      [&](const Value& x, const Value& y) { return equals(x, y, runtime); });
  }
  if (a.is_dict() && b.is_dict()) return equal_dicts(a.dict(), b.dict(), runtime);
  if (a.object_as<Range>() != nullptr && b.object_as<Range>() != nullptr) {
    return equals(Value::list(iterate(a, runtime)), Value::list(iterate(b, runtime)), runtime);
  }
  return a.same_as(b);
}

bool less(const Value& a, const Value& b, Runtime& runtime) {
  runtime.spend();
  if (a.is_number() && b.is_number()) {
    bool unordered = false;
    return compare_numbers(a, b, unordered) < 0 && !unordered;
  }
  // Code point order is byte order in UTF-8.
  if (a.is_string() && b.is_string()) {
    runtime.spend_scan(std::min(a.string().size(), b.string().size()));
    return a.string() < b.string();
  }
  if (a.is_sequence() && b.is_sequence() && a.sequence().tuple == b.sequence().tuple) {
    const size_t common = std::min(a.items().size(), b.items().size());
    for (size_t i = 0; i < common; ++i) {
      if (!equals(a.items()[i], b.items()[i], runtime)) {
        return less(a.items()[i], b.items()[i], runtime);
      }
    }
    return a.items().size() < b.items().size();
  }
  if (a.is_undefined()) fail(a.undefined_message());
  if (b.is_undefined()) fail(b.undefined_message());
  fail(fmt::format("'<' not supported between instances of '{}' and '{}'", type_name(a),
                   type_name(b)));
}

bool contains(const Value& haystack, const Value& needle, Runtime& runtime) {
  if (haystack.is_string()) {
    if (!needle.is_string()) {
      fail("'in <string>' requires string as left operand, not " + type_name(needle));
    }
    runtime.spend_scan(haystack.string().size());
    return find_bytes(haystack.string(), needle.string(), 0) != std::string::npos;
  }
  if (haystack.is_dict()) return haystack.dict().find(needle, runtime) != nullptr;
  if (haystack.is_sequence()) {
    return std::any_of(haystack.items().begin(), haystack.items().end(),
                       [&](const Value& item) { return equals(item, needle, runtime); });
  }
  if (auto* one_shot = haystack.object_as<OneShot>()) {
    while (auto item = one_shot->take()) {  // Python stops at the hit and leaves the rest
      if (equals(*item, needle, runtime)) return true;
    }
    return false;
  }
  if (!iterable(haystack)) {
    fail(fmt::format("argument of type '{}' is not iterable", type_name(haystack)));
  }
  const Items items = iterate(haystack, runtime);
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& item) { return equals(item, needle, runtime); });
}

}  // namespace lapidary::jinja
