#include "jinja/from_json.h"

#include <fmt/core.h>

#include <limits>

#include "jinja/unicode.h"

namespace lapidary::jinja {

Value from_json(const Json& json, const std::string& where, int depth) {
  if (depth >= kMaxValueDepth - 10) fail(where + ": nested too deeply");
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
        fail_unsupported(fmt::format("{}: integer {} does not fit in 64 bits", where, v));
      }
      return Value(static_cast<int64_t>(v));
    }
    case Json::value_t::string: {
      const auto& text = json.get_ref<const std::string&>();
      if (!valid_utf8(text)) fail(where + ": text is not valid UTF-8");
      return Value(text);
    }
    case Json::value_t::array: {
      Items items;
      items.reserve(json.size());
      for (const Json& item : json) {
        items.push_back(from_json(item, fmt::format("{}[{}]", where, items.size()), depth + 1));
      }
      return Value::list(std::move(items));
    }
    case Json::value_t::object: {
      Dict dict;
      for (const auto& [key, item] : json.items()) {
        if (!valid_utf8(key)) fail(where + ": a key is not valid UTF-8");
        dict.set(Value(key), from_json(item, fmt::format("{}.{}", where, key), depth + 1));
      }
      return Value::dict(std::move(dict));
    }
    default:
      fail(where + ": binary JSON values have no meaning in a template");
  }
}

}  // namespace lapidary::jinja
