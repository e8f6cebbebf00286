// Filters on text.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "jinja/bind.h"
#include "jinja/escape.h"
#include "jinja/filters.h"
#include "jinja/format.h"
#include "jinja/json_dump.h"
#include "jinja/split.h"
#include "jinja/text_search.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

#define JINJA_FILTER_PARAMETERS \
  [[maybe_unused]] Value v, [[maybe_unused]] Arguments arguments, [[maybe_unused]] Runtime &runtime

Text text_of(const Value& value, Runtime& runtime) {
  const std::string text = to_text(value, runtime);
  runtime.spend_decode(text.size());
  return decode(text);
}

template <Text (*Convert)(const Text&)>
Value convert_case(JINJA_FILTER_PARAMETERS) {
  const Bound args("case filter", std::move(arguments), {});
  return Value(encode(Convert(text_of(v, runtime))));
}

// Words start behind blanks, hyphens and opening brackets; unlike str.title.
Text title_words(const Text& text) {
  const auto starts_word = [](char32_t c) {
    return is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
  };
  Text out;
  size_t i = 0;
  while (i < text.size()) {
    if (starts_word(text[i])) {
      out.push_back(text[i++]);
      continue;
    }
    size_t end = i;
    while (end < text.size() && !starts_word(text[end])) ++end;
    out += upper(text.substr(i, 1));
    out += lower(text.substr(i + 1, end - i - 1));
    i = end;
  }
  return out;
}

Value trim(JINJA_FILTER_PARAMETERS) {
  const Bound args("trim", std::move(arguments), {"chars"});
  const std::string text = to_text(v, runtime);
  if (!args.some(0)) return Value(strip(text));
  return Value(strip(text, decode(args.text(0, "")), Ends::kBoth));
}

Value replace(JINJA_FILTER_PARAMETERS) {
  const Bound args("replace", std::move(arguments), {"old", "new", "count"});
  const int64_t count = args.some(2) ? args.integer(2, -1) : -1;
  return Value(replace_text(to_text(v, runtime), to_text(args.value(0), runtime),
                            to_text(args.value(1), runtime), count, runtime));
}

Value string(JINJA_FILTER_PARAMETERS) {
  const Bound args("string", std::move(arguments), {});
  return v.is_string() ? v : Value(to_text(v, runtime));
}

Value escape(JINJA_FILTER_PARAMETERS) {
  const Bound args("escape", std::move(arguments), {});
  if (v.is_safe()) return v;
  std::string out = escape_html(to_text(v, runtime));
  runtime.spend_bytes(out.size());
  return Value::safe(std::move(out));
}

Value force_escape(JINJA_FILTER_PARAMETERS) {
  const Bound args("forceescape", std::move(arguments), {});
  std::string out = escape_html(to_text(v, runtime));
  runtime.spend_bytes(out.size());
  return Value::safe(std::move(out));
}

Value safe(JINJA_FILTER_PARAMETERS) {
  const Bound args("safe", std::move(arguments), {});
  return Value::safe(to_text(v, runtime));
}

Value center(JINJA_FILTER_PARAMETERS) {
  const Bound args("center", std::move(arguments), {"width"});
  const int64_t width = std::max<int64_t>(args.integer(0, 80), 0);
  const std::string text = to_text(v, runtime);
  const auto size = static_cast<int64_t>(count_code_points(text));
  const int64_t missing = std::max<int64_t>(width - size, 0);
  runtime.spend_append(text.size(), static_cast<size_t>(missing));
  const int64_t left = missing / 2 + (missing & width & 1);
  return Value(std::string(static_cast<size_t>(left), ' ') + text +
               std::string(static_cast<size_t>(missing - left), ' '));
}

Value indent(JINJA_FILTER_PARAMETERS) {
  const Bound args("indent", std::move(arguments), {"width", "first", "blank"});
  std::string margin;
  if (args.has(0) && args.value(0).is_string()) {
    margin = args.value(0).string();
  } else {
    const int64_t width = std::max<int64_t>(args.integer(0, 4), 0);
    runtime.spend_bytes(static_cast<size_t>(width));
    margin.assign(static_cast<size_t>(width), ' ');
  }
  if (!v.is_string()) fail(fmt::format("indent expects text, not '{}'", type_name(v)));
  const std::string text = v.string() + "\n";
  const bool blank = args.boolean(2, false, runtime);
  std::string out = args.boolean(1, false, runtime) ? margin : "";
  bool first = true;
  for (std::string_view line : split_lines(text, false, runtime)) {
    runtime.spend_append(out.size(), line.size() + margin.size());
    if (!first) {
      out += '\n';
      if (blank || !line.empty()) out += margin;
    }
    first = false;
    out += line;
  }
  return Value(std::move(out));
}

Value truncate(JINJA_FILTER_PARAMETERS) {
  const Bound args("truncate", std::move(arguments), {"length", "killwords", "end", "leeway"});
  if (!v.is_string()) fail(fmt::format("truncate expects text, not '{}'", type_name(v)));
  const Text text = text_of(v, runtime);
  const Text end = decode(args.text(2, "..."));
  const int64_t limit = args.integer(0, 255);
  const int64_t leeway = args.some(3) ? args.integer(3, 5) : 5;
  const auto end_size = static_cast<int64_t>(end.size());
  if (limit < end_size) fail("truncate: the length must be at least that of the end mark");
  if (leeway < 0) fail("truncate: the leeway must not be negative");
  const auto size = static_cast<int64_t>(text.size());
  if (size <= leeway || size - leeway <= limit) return v;
  Text out = text.substr(0, static_cast<size_t>(limit - end_size));
  if (!args.boolean(1, false, runtime)) {
    const size_t space = out.rfind(U' ');
    if (space != Text::npos) out.resize(space);
  }
  return Value(encode(out + end));
}

Value wordcount(JINJA_FILTER_PARAMETERS) {
  const Bound args("wordcount", std::move(arguments), {});
  int64_t words = 0;
  bool inside = false;
  for (char32_t c : text_of(v, runtime)) {
    const bool part = c == '_' || is_alnum(c);
    if (part && !inside) ++words;
    inside = part;
  }
  return Value(words);
}

Value format(JINJA_FILTER_PARAMETERS) {
  const std::string pattern = to_text(v, runtime);
  if (!arguments.positional.empty() && !arguments.keyword.empty()) {
    fail("format can't handle positional and keyword arguments at the same time");
  }
  if (arguments.keyword.empty()) {
    return Value(format_percent(pattern, Value::tuple(std::move(arguments.positional)), runtime));
  }
  Dict named;
  for (auto& [name, value] : arguments.keyword) named.set(Value(name), std::move(value), runtime);
  return Value(format_percent(pattern, Value::dict(std::move(named)), runtime));
}

std::optional<std::string> indent_of(const Value& value, Runtime& runtime) {
  if (value.is_none()) return std::nullopt;
  if (value.is_string()) return value.string();
  if (!value.integer()) fail("tojson: indent must be an integer or a string");
  const int64_t width = std::clamp<int64_t>(*value.integer(), 0, 1000);
  runtime.spend();
  return std::string(static_cast<size_t>(width), ' ');
}

Value to_json(JINJA_FILTER_PARAMETERS) {
  const Bound args("tojson", std::move(arguments),
                   {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = args.boolean(0, false, runtime);
  style.indent = indent_of(args.value_or(1, Value(None{})), runtime);
  style.sort_keys = args.boolean(3, false, runtime);
  if (style.indent) style.item_separator = ",";
  if (args.some(2)) {
    const Items parts = iterate(args.value(2), runtime);
    if (parts.size() != 2 || !parts[0].is_string() || !parts[1].is_string()) {
      fail("tojson: separators must be two strings");
    }
    style.item_separator = parts[0].string();
    style.key_separator = parts[1].string();
  }
  return Value(dump_json(v, style, runtime));
}

std::string quote_url(const std::string& text, bool query) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("_.-~").find(c) != std::string_view::npos;
    if (plain || (c == '/' && !query)) {
      out += c;
    } else if (c == ' ' && query) {
      out += '+';
    } else {
      out += '%';
      out += kHex[u >> 4];
      out += kHex[u & 15];
    }
  }
  return out;
}

Value urlencode(JINJA_FILTER_PARAMETERS) {
  const Bound args("urlencode", std::move(arguments), {});
  if (v.is_string() || !iterable(v)) {
    std::string quoted = quote_url(to_text(v, runtime), false);
    runtime.spend_bytes(quoted.size());
    return Value(std::move(quoted));
  }
  std::string out;
  const auto add = [&](const Value& key, const Value& value) {
    if (!out.empty()) out += '&';
    const std::string pair =
        quote_url(to_text(key, runtime), true) + "=" + quote_url(to_text(value, runtime), true);
    runtime.spend_append(out.size(), pair.size());
    out += pair;
  };
  if (v.is_dict()) {
    runtime.spend_items(v.dict().size());
    for (const auto& [key, value] : v.dict().entries()) add(key, value);
    return Value(std::move(out));
  }
  for (const Value& pair : iterate(v, runtime)) {
    const Items parts = iterate(pair, runtime);
    if (parts.size() != 2) fail("urlencode expects pairs");
    add(parts[0], parts[1]);
  }
  return Value(std::move(out));
}

struct Row {
  std::string_view name;
  Filter filter;
};
constexpr Row kRows[] = {
    {"trim", trim},       {"upper", convert_case<upper>},
    {"replace", replace}, {"lower", convert_case<lower>},
    {"string", string},   {"capitalize", convert_case<capitalize>},
    {"safe", safe},       {"title", convert_case<title_words>},
    {"escape", escape},   {"e", escape},
    {"center", center},   {"forceescape", force_escape},
    {"indent", indent},   {"truncate", truncate},
    {"format", format},   {"wordcount", wordcount},
    {"tojson", to_json},  {"urlencode", urlencode},
};

}  // namespace

Filter find_text_filter(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.filter;
  }
  return nullptr;
}

}  // namespace lapidary::jinja
