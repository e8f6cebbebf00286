#include "jinja/methods.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "jinja/bind.h"
#include "jinja/format.h"
#include "jinja/split.h"
#include "jinja/text_search.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

using Method = Value (*)(const Value& self, Arguments arguments, Runtime& runtime);

struct Row {
  std::string_view name;
  Method method;
};

Value pieces_to_list(const Pieces& pieces) {
  Items items;
  items.reserve(pieces.size());
  for (std::string_view piece : pieces) items.emplace_back(piece);
  return Value::list(std::move(items));
}

Value split_method(const Value& self, Arguments arguments, Runtime& runtime, bool from_right) {
  const Bound args(from_right ? "rsplit" : "split", std::move(arguments), {"sep", "maxsplit"});
  const int64_t max = args.integer(1, -1);
  if (!args.some(0)) {
    return pieces_to_list(split_space(self.string(), max, from_right, runtime));
  }
  const std::string_view separator = args.text(0, "");
  if (separator.empty()) fail("empty separator");
  return pieces_to_list(split_at(self.string(), separator, max, from_right, runtime));
}

Value strip_method(const Value& self, Arguments arguments, Runtime& runtime, Ends ends) {
  const Bound args("strip", std::move(arguments), {"chars"});
  runtime.spend_decode(self.string().size());
  if (!args.some(0)) return Value(strip(self.string(), ends));
  runtime.spend_decode(args.text(0, "").size());
  return Value(strip(self.string(), decode(args.text(0, "")), ends));
}

// The part of `text` between code points args[1] and args[2], as str.find and others take it.
struct Window {
  std::string_view text;
  int64_t offset = 0;  // code points before it
  bool valid = true;   // false: start lies behind the end, where nothing matches
};
Window window(std::string_view text, const Bound& args) {
  if (!args.some(1) && !args.some(2)) return {text};
  const auto size = static_cast<int64_t>(count_code_points(text));
  const auto clamp = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + size : v, 0, size); };
  const int64_t raw_start = args.some(1) ? args.integer(1, 0) : 0;
  const int64_t start = clamp(raw_start);
  const int64_t stop = args.some(2) ? clamp(args.integer(2, size)) : size;
  if (start > stop || raw_start > size) return {"", 0, false};
  size_t begin = 0;
  for (int64_t i = 0; i < start; ++i) next_char(text, begin);
  size_t end = begin;
  for (int64_t i = start; i < stop; ++i) next_char(text, end);
  return {text.substr(begin, end - begin), start};
}

int64_t find_in(const Value& self, Arguments arguments, Runtime& runtime, bool from_right) {
  const Bound args("find", std::move(arguments), {"sub", "start", "end"});
  runtime.spend_decode(self.string().size());
  args.value(0);
  const std::string_view needle = args.text(0, "");
  const Window w = window(self.string(), args);
  if (!w.valid) return -1;
  const size_t at = from_right ? rfind_bytes(w.text, needle) : find_bytes(w.text, needle, 0);
  if (at == std::string_view::npos) return -1;
  return w.offset + static_cast<int64_t>(count_code_points(w.text.substr(0, at)));
}

Value index_in(const Value& self, Arguments arguments, Runtime& runtime, bool from_right) {
  const int64_t at = find_in(self, std::move(arguments), runtime, from_right);
  if (at < 0) fail("substring not found");
  return Value(at);
}

Value affix_method(const Value& self, Arguments arguments, Runtime& runtime, bool at_end) {
  const Bound args(at_end ? "endswith" : "startswith", std::move(arguments),
                   {"prefix", "start", "end"});
  const Window w = window(self.string(), args);
  const auto matches = [&](const Value& affix) {
    if (!affix.is_string()) {
      fail("startswith/endswith: the first argument must be str or a tuple of str, not " +
           type_name(affix));
    }
    spend_text(affix, runtime);
    return w.valid &&
           (at_end ? w.text.ends_with(affix.string()) : w.text.starts_with(affix.string()));
  };
  const Value& affix = args.value(0);
  if (!affix.is_tuple()) return Value(matches(affix));
  return Value(std::any_of(affix.items().begin(), affix.items().end(), matches));
}

Value count_method(const Value& self, Arguments arguments, Runtime& runtime) {
  const Bound args("count", std::move(arguments), {"sub", "start", "end"});
  runtime.spend_decode(self.string().size());
  args.value(0);
  const std::string_view needle = args.text(0, "");
  const Window w = window(self.string(), args);
  if (!w.valid) return Value(int64_t{0});
  if (needle.empty()) return Value(static_cast<int64_t>(count_code_points(w.text)) + 1);
  int64_t hits = 0;
  for (size_t at = find_bytes(w.text, needle, 0); at != std::string_view::npos;
       at = find_bytes(w.text, needle, at + needle.size())) {
    ++hits;
  }
  return Value(hits);
}

Value pad_method(const Value& self, Arguments arguments, Runtime& runtime, char align) {
  const Bound args("justify", std::move(arguments), {"width", "fillchar"});
  args.value(0);
  const int64_t size = length(self, runtime);
  const int64_t missing = std::max<int64_t>(std::max<int64_t>(args.integer(0, 0), 0) - size, 0);
  const std::string_view fill = args.text(1, " ");
  if (count_code_points(fill) != 1) fail("the fill character must be exactly one character long");
  if (static_cast<size_t>(missing) > runtime.limits().max_string / fill.size()) {
    runtime.spend_bytes(static_cast<size_t>(missing));
  }
  runtime.spend_append(self.string().size(), static_cast<size_t>(missing) * fill.size());
  // Python's rule for the odd space of `center`.
  const int64_t left = align == '<'   ? 0
                       : align == '>' ? missing
                                      : missing / 2 + (missing & args.integer(0, 0) & 1);
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += self.string();
  for (int64_t i = left; i < missing; ++i) out += fill;
  return Value(std::move(out));
}

Value zfill(const Value& self, Arguments arguments, Runtime& runtime) {
  const Bound args("zfill", std::move(arguments), {"width"});
  args.value(0);
  const int64_t missing = std::max<int64_t>(args.integer(0, 0), 0) - length(self, runtime);
  if (missing <= 0) return self;
  runtime.spend_append(self.string().size(), static_cast<size_t>(missing));
  std::string out = self.string();
  const size_t at = out.starts_with('+') || out.starts_with('-') ? 1 : 0;
  out.insert(at, static_cast<size_t>(missing), '0');
  return Value(std::move(out));
}

Value replace_method(const Value& self, Arguments arguments, Runtime& runtime) {
  const Bound args("replace", std::move(arguments), {"old", "new", "count"});
  args.value(0);
  args.value(1);
  return Value(replace_text(self.string(), args.text(0, ""), args.text(1, ""), args.integer(2, -1),
                            runtime));
}

Value join_method(const Value& self, Arguments arguments, Runtime& runtime) {
  const Bound args("join", std::move(arguments), {"iterable"});
  std::string out;
  bool first = true;
  for (const Value& item : iterate(args.value(0), runtime)) {
    if (!item.is_string()) fail("join: expected str instances, found " + type_name(item));
    runtime.spend_append(out.size(), self.string().size() + item.string().size());
    if (!std::exchange(first, false)) out += self.string();
    out += item.string();
  }
  return Value(std::move(out));
}

Value partition_method(const Value& self, Arguments arguments, bool from_right) {
  const Bound args("partition", std::move(arguments), {"sep"});
  args.value(0);
  const std::string_view separator = args.text(0, "");
  if (separator.empty()) fail("empty separator");
  const std::string_view text = self.string();
  const size_t at = from_right ? rfind_bytes(text, separator) : find_bytes(text, separator, 0);
  if (at == std::string_view::npos) {
    return from_right ? Value::tuple({Value(""), Value(""), self})
                      : Value::tuple({self, Value(""), Value("")});
  }
  return Value::tuple(
      {Value(text.substr(0, at)), Value(separator), Value(text.substr(at + separator.size()))});
}

Value remove_affix(const Value& self, Arguments arguments, bool at_end) {
  const Bound args(at_end ? "removesuffix" : "removeprefix", std::move(arguments), {"affix"});
  args.value(0);
  const std::string_view affix = args.text(0, "");
  std::string_view text = self.string();
  if (!at_end && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (at_end && text.ends_with(affix)) text.remove_suffix(affix.size());
  return Value(text);
}

Value splitlines_method(const Value& self, Arguments arguments, Runtime& runtime) {
  const Bound args("splitlines", std::move(arguments), {"keepends"});
  return pieces_to_list(split_lines(self.string(), args.boolean(0, false, runtime), runtime));
}

template <Text (*Convert)(const Text&)>
Value convert_case(const Value& self, Arguments arguments, Runtime& runtime) {
  const Bound args("case conversion", std::move(arguments), {});
  runtime.spend_decode(self.string().size());
  return Value(encode(Convert(decode(self.string()))));
}

Text swap_case(const Text& text) {
  Text out;
  for (char32_t c : text) out += is_upper(c) ? lower(Text(1, c)) : upper(Text(1, c));
  return out;
}

template <bool (*Is)(char32_t)>
Value all_of(const Value& self, Arguments arguments, Runtime& runtime) {
  const Bound args("character test", std::move(arguments), {});
  runtime.spend_decode(self.string().size());
  const Text text = decode(self.string());
  return Value(!text.empty() && std::all_of(text.begin(), text.end(), Is));
}

template <bool (*Is)(const Text&)>
Value whole_text(const Value& self, Arguments arguments, Runtime& runtime) {
  const Bound args("character test", std::move(arguments), {});
  runtime.spend_decode(self.string().size());
  return Value(Is(decode(self.string())));
}

#define JINJA_METHOD(expression)                                                              \
  [](const Value& self, [[maybe_unused]] Arguments a, [[maybe_unused]] Runtime& r) -> Value { \
    return expression;                                                                        \
  }

const Row kStringMethods[] = {
    {"split", JINJA_METHOD(split_method(self, std::move(a), r, false))},
    {"rsplit", JINJA_METHOD(split_method(self, std::move(a), r, true))},
    {"strip", JINJA_METHOD(strip_method(self, std::move(a), r, Ends::kBoth))},
    {"lstrip", JINJA_METHOD(strip_method(self, std::move(a), r, Ends::kLeft))},
    {"rstrip", JINJA_METHOD(strip_method(self, std::move(a), r, Ends::kRight))},
    {"startswith", JINJA_METHOD(affix_method(self, std::move(a), r, false))},
    {"endswith", JINJA_METHOD(affix_method(self, std::move(a), r, true))},
    {"upper", convert_case<upper>},
    {"lower", convert_case<lower>},
    {"casefold", convert_case<lower>},
    {"title", convert_case<title>},
    {"capitalize", convert_case<capitalize>},
    {"swapcase", convert_case<swap_case>},
    {"replace", replace_method},
    {"join", join_method},
    {"find", JINJA_METHOD(Value(find_in(self, std::move(a), r, false)))},
    {"rfind", JINJA_METHOD(Value(find_in(self, std::move(a), r, true)))},
    {"index", JINJA_METHOD(index_in(self, std::move(a), r, false))},
    {"rindex", JINJA_METHOD(index_in(self, std::move(a), r, true))},
    {"count", count_method},
    {"format", JINJA_METHOD(Value(format_braces(self.string(), a, r)))},
    {"splitlines", splitlines_method},
    {"partition", JINJA_METHOD(partition_method(self, std::move(a), false))},
    {"rpartition", JINJA_METHOD(partition_method(self, std::move(a), true))},
    {"removeprefix", JINJA_METHOD(remove_affix(self, std::move(a), false))},
    {"removesuffix", JINJA_METHOD(remove_affix(self, std::move(a), true))},
    {"center", JINJA_METHOD(pad_method(self, std::move(a), r, '^'))},
    {"ljust", JINJA_METHOD(pad_method(self, std::move(a), r, '<'))},
    {"rjust", JINJA_METHOD(pad_method(self, std::move(a), r, '>'))},
    {"zfill", zfill},
    {"isalpha", all_of<is_alpha>},
    {"isdigit", all_of<is_digit>},
    {"isdecimal", all_of<is_decimal>},
    {"isnumeric", all_of<is_numeric>},
    {"isalnum", all_of<is_alnum>},
    {"isspace", all_of<is_space>},
    {"isupper", whole_text<all_upper>},
    {"islower", whole_text<all_lower>},
};

Value make_view(const Value& self, Arguments arguments, Runtime& runtime, std::string_view what) {
  const Bound args(what, std::move(arguments), {});
  runtime.spend_new_items(self.dict().size());
  Items items;
  for (const auto& [key, value] : self.dict().entries()) {
    items.push_back(what == "keys" ? key : what == "values" ? value : Value::tuple({key, value}));
  }
  return Value(std::make_shared<DictView>("dict_" + std::string(what), std::move(items)));
}

Value dict_get(const Value& self, Arguments arguments, Runtime& runtime) {
  const Bound args("get", std::move(arguments), {"key", "default"});
  const Value* found = self.dict().find(args.value(0), runtime);
  return found != nullptr ? *found : args.value_or(1, Value(None{}));
}

const Row kDictMethods[] = {
    {"get", JINJA_METHOD(dict_get(self, std::move(a), r))},
    {"keys", JINJA_METHOD(make_view(self, std::move(a), r, "keys"))},
    {"values", JINJA_METHOD(make_view(self, std::move(a), r, "values"))},
    {"items", JINJA_METHOD(make_view(self, std::move(a), r, "items"))},
    {"copy", JINJA_METHOD(self)},
};

Value list_index(const Value& self, Arguments arguments, Runtime& runtime) {
  const Bound args("index", std::move(arguments), {"value", "start", "stop"});
  if (args.has(1)) fail_unsupported("list.index with a start");
  for (size_t i = 0; i < self.items().size(); ++i) {
    if (equals(self.items()[i], args.value(0), runtime)) return Value(static_cast<int64_t>(i));
  }
  fail(repr(args.value(0), runtime) + " is not in list");
}

Value list_count(const Value& self, Arguments arguments, Runtime& runtime) {
  const Bound args("count", std::move(arguments), {"value"});
  const auto n = std::count_if(self.items().begin(), self.items().end(), [&](const Value& item) {
    return equals(item, args.value(0), runtime);
  });
  return Value(static_cast<int64_t>(n));
}

const Row kListMethods[] = {
    {"index", list_index},
    {"count", list_count},
    {"copy", JINJA_METHOD(self)},
};

constexpr std::string_view kChangingDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
constexpr std::string_view kChangingList[] = {"append", "clear", "pop",    "reverse",
                                              "insert", "sort",  "extend", "remove"};
// In Python, but not here: an error, so that a template does not take them for undefined.
constexpr std::string_view kUnknownString[] = {"encode",  "expandtabs",   "format_map",
                                               "isascii", "isidentifier", "isprintable",
                                               "istitle", "maketrans",    "translate"};

template <size_t N>
bool among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

template <size_t N>
std::optional<Value> bind_row(const Row (&rows)[N], const Value& self, const std::string& name) {
  for (const Row& row : rows) {
    if (row.name != name) continue;
    return Value(std::make_shared<Function>(
        name, [self, method = row.method](Runtime& runtime, Arguments arguments) {
          spend_text(self, runtime);  // of the arguments, call() does it
          return method(self, std::move(arguments), runtime);
        }));
  }
  return std::nullopt;
}

Value unsafe(const Value& self, const std::string& name) {
  return Value::undefined(
      fmt::format("access to attribute '{}' of '{}' object is unsafe (chat templates cannot change "
                  "lists and dicts)",
                  name, type_name(self)));
}

}  // namespace

std::optional<Value> find_method(const Value& self, const std::string& name, Runtime&) {
  if (self.is_string()) {
    if (among(kUnknownString, name)) fail_unsupported(fmt::format("the string method '{}'", name));
    return bind_row(kStringMethods, self, name);
  }
  if (self.is_dict()) {
    if (among(kChangingDict, name)) return unsafe(self, name);
    if (name == "fromkeys") fail_unsupported("the dict method 'fromkeys'");
    return bind_row(kDictMethods, self, name);
  }
  if (self.is_sequence()) {
    if (self.is_list() && among(kChangingList, name)) return unsafe(self, name);
    if (self.is_tuple() && name == "copy") return std::nullopt;
    return bind_row(kListMethods, self, name);
  }
  if (self.is_number() && (name == "real" || name == "numerator")) return self;
  return std::nullopt;
}

}  // namespace lapidary::jinja
