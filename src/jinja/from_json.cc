#include "jinja/from_json.h"

#include <fmt/core.h>

#include <limits>
#include <string>

#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

// The way to a value. It becomes text only in an error: with long keys, the text of every way would
// be far longer than the document.
struct Place {
  const Place* outer = nullptr;
  std::string_view key;
  size_t index = 0;
  bool in_list = false;
  int depth = 0;

  std::string text() const {
    if (outer == nullptr) return std::string(key);
    if (in_list) return fmt::format("{}[{}]", outer->text(), index);
    return fmt::format("{}.{}", outer->text(), key);
  }
  [[noreturn]] void refuse(std::string_view what) const {
    fail(fmt::format("{}: {}", text(), what));
  }
};

Value value_of(const Json& json, const Place& place, Runtime& runtime);

Value list_of(const Json& json, const Place& place, Runtime& runtime) {
  Items items;
  items.reserve(json.size());
  for (const Json& item : json) {
    const Place inner{&place, {}, items.size(), true, place.depth + 1};
    items.push_back(value_of(item, inner, runtime));
  }
  return Value::list(std::move(items));
}

Value dict_of(const Json& json, const Place& place, Runtime& runtime) {
  Dict dict;
  for (const auto& [key, item] : json.items()) {
    if (!valid_utf8(key)) place.refuse("a key is not valid UTF-8");
    const Place inner{&place, key, 0, false, place.depth + 1};
    dict.set(Value(key), value_of(item, inner, runtime), runtime);
  }
  return Value::dict(std::move(dict));
}

Value value_of(const Json& json, const Place& place, Runtime& runtime) {
  runtime.spend();
  if (place.depth >= kMaxValueDepth - 10) place.refuse("nested too deeply");
  switch (json.type()) {
    case Json::value_t::null:
      return Value(None{});
    case Json::value_t::boolean:
      return Value(json.get<bool>());
    case Json::value_t::number_integer:
      return Value(json.get<int64_t>());
    case Json::value_t::number_float:
      return Value(json.get<double>());
    case Json::value_t::number_unsigned: {
      const auto v = json.get<uint64_t>();
      if (v > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        fail_unsupported(fmt::format("{}: integer {} does not fit in 64 bits", place.text(), v));
      }
      return Value(static_cast<int64_t>(v));
    }
    case Json::value_t::string: {
      const auto& text = json.get_ref<const std::string&>();
      runtime.spend_scan(text.size());
      if (!valid_utf8(text)) place.refuse("text is not valid UTF-8");
      return Value(text);
    }
    case Json::value_t::array:
      return list_of(json, place, runtime);
    case Json::value_t::object:
      return dict_of(json, place, runtime);
    default:
      place.refuse("binary JSON values have no meaning in a template");
  }
}

}  // namespace

Value from_json(const Json& json, std::string_view name, Runtime& runtime) {
  return value_of(json, Place{nullptr, name, 0, false, 0}, runtime);
}

}  // namespace lapidary::jinja
