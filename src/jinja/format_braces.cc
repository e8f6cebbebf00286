// str.format.
#include <fmt/core.h>

#include <algorithm>

#include "jinja/format.h"
#include "jinja/number_format.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

struct Spec {
  std::string fill = " ";
  char align = 0;  // 0: by kind
  int width = 0;
  NumberStyle number;
  bool has_type = false;
};

bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

int parse_number(std::string_view text, size_t& i, int limit) {
  int out = 0;
  while (i < text.size() && text[i] >= '0' && text[i] <= '9') {
    out = out * 10 + (text[i++] - '0');
    if (out > limit) fail("a format width or precision is too large");
  }
  return out;
}

// [[fill]align][sign][#][0][width][,][.precision][type]
Spec parse_spec(std::string_view text) {
  Spec spec;
  size_t i = 0;
  if (!text.empty()) {
    size_t after_fill = 0;
    next_char(text, after_fill);
    if (after_fill < text.size() && is_align(text[after_fill])) {
      spec.fill = text.substr(0, after_fill);
      spec.align = text[after_fill];
      i = after_fill + 1;
    } else if (is_align(text[0])) {
      spec.align = text[i++];
    }
  }
  const auto at = [&](char c) { return i < text.size() && text[i] == c; };
  if (at('+') || at('-') || at(' ')) spec.number.sign = text[i++];
  if (at('#')) {
    spec.number.alternate = true;
    ++i;
  }
  if (at('0')) {
    ++i;
    if (spec.align == 0) {
      spec.fill = "0";
      spec.align = '=';
    }
  }
  spec.width = parse_number(text, i, kMaxFormatWidth);
  if (at(',') || at('_')) spec.number.group = text[i++];
  if (at('.')) {
    ++i;
    spec.number.precision = parse_number(text, i, kMaxPrecision);
  }
  if (i < text.size()) {
    spec.number.type = text[i++];
    spec.has_type = true;
  }
  if (i != text.size()) fail(fmt::format("invalid format specifier '{}'", text));
  return spec;
}

std::string apply_text(const std::string& text, const Spec& spec) {
  if (spec.has_type && spec.number.type != 's') {
    fail(fmt::format("unknown format code '{}' for text", spec.number.type));
  }
  if (spec.align == '=' && spec.fill != "0") fail("'=' alignment not allowed for text");
  std::string body = text;
  if (spec.number.precision) {
    size_t i = 0;
    for (int k = 0; k < *spec.number.precision && i < body.size(); ++k) next_char(body, i);
    body.resize(i);
  }
  const char align = spec.align == 0 || spec.align == '=' ? '<' : spec.align;
  return pad("", body, spec.width, align, spec.fill);
}

std::string apply_number(const Value& value, Spec spec) {
  const char align = spec.align == 0 ? '>' : spec.align;
  NumberText text;
  constexpr std::string_view kIntegerTypes = "dxXob";
  constexpr std::string_view kFloatTypes = "eEfFgG%";
  if (value.integer() &&
      (!spec.has_type || kIntegerTypes.find(spec.number.type) != kIntegerTypes.npos)) {
    if (spec.number.precision) fail("precision not allowed in integer format specifier");
    text = format_integer(*value.integer(), spec.number);
  } else if (spec.has_type && kFloatTypes.find(spec.number.type) != kFloatTypes.npos) {
    text = format_float(*value.number(), spec.number);
  } else if (!spec.has_type && !spec.number.precision && spec.number.group == 0) {
    const double v = value.as_float();
    text.digits = repr_float(v);
    if (text.digits[0] == '-') {
      text.sign = "-";
      text.digits.erase(0, 1);
    } else if (spec.number.sign != '-') {
      text.sign = std::string(1, spec.number.sign);
    }
  } else {
    fail_unsupported(
        fmt::format("the format code '{}' for a {}", spec.number.type, type_name(value)));
  }
  return pad(text.sign, text.digits, spec.width, align, spec.fill);
}

class BraceFormatter {
 public:
  BraceFormatter(const Arguments& arguments, Runtime& runtime)
      : arguments_(arguments), runtime_(runtime) {}

  std::string run(std::string_view pattern, int depth) {
    if (depth > 2) fail("max string recursion exceeded");
    std::string out;
    size_t i = 0;
    while (i < pattern.size()) {
      const size_t before = out.size();
      const char c = pattern[i];
      if (c != '{' && c != '}') {
        out += c;
        ++i;
      } else if (i + 1 < pattern.size() && pattern[i + 1] == c) {
        out += c;
        i += 2;
      } else if (c == '}') {
        fail("single '}' encountered in format string");
      } else {
        const size_t end = find_end(pattern, i);
        out += field(pattern.substr(i + 1, end - i - 1), depth);
        i = end + 1;
      }
      runtime_.spend_append(before, out.size() - before);
    }
    return out;
  }

 private:
  static size_t find_end(std::string_view pattern, size_t open) {
    int level = 0;
    for (size_t i = open; i < pattern.size(); ++i) {
      if (pattern[i] == '{') ++level;
      if (pattern[i] == '}' && --level == 0) return i;
    }
    fail("expected '}' before end of string");
  }

  std::string field(std::string_view text, int depth) {
    size_t name_end = std::min(text.find_first_of("!:["), text.size());
    while (name_end < text.size() && text[name_end] == '[') {  // a subscript may hold ! and :
      const size_t close = text.find(']', name_end);
      if (close == std::string_view::npos) fail("missing ']' in format string");
      name_end = std::min(text.find_first_of("!:[", close), text.size());
    }
    Value value = lookup(text.substr(0, name_end));
    std::string_view rest = text.substr(name_end);
    if (rest.starts_with('!')) {
      if (rest.size() < 2) fail("unmatched '!' in format string");
      if (rest[1] == 'r') {
        value = Value(repr(value, runtime_));
      } else if (rest[1] == 's') {
        value = Value(to_text(value, runtime_));
      } else {
        fail_unsupported(fmt::format("the conversion '!{}' in a format string", rest[1]));
      }
      rest.remove_prefix(2);
    }
    if (!rest.empty() && rest[0] != ':') fail("expected ':' after conversion specifier");
    const std::string spec = rest.empty() ? "" : run(rest.substr(1), depth + 1);
    return apply(value, spec);
  }

  std::string apply(const Value& value, const std::string& spec) {
    if (spec.empty()) return to_text(value, runtime_);
    spend_text(value, runtime_);
    if (value.is_string()) return apply_text(value.string(), parse_spec(spec));
    if (value.is_number()) return apply_number(value, parse_spec(spec));
    fail(fmt::format("unsupported format string passed to {}.__format__", type_name(value)));
  }

  Value lookup(std::string_view path) {
    const size_t first_end = std::min(path.find_first_of(".["), path.size());
    Value value = first(std::string(path.substr(0, first_end)));
    size_t i = first_end;
    while (i < path.size()) {
      if (path[i] == '.') {
        const size_t end = std::min(path.find_first_of(".[", i + 1), path.size());
        value = get_attribute(value, std::string(path.substr(i + 1, end - i - 1)), runtime_);
        i = end;
      } else if (path[i] == '[') {
        const size_t close = path.find(']', i);
        if (close == std::string_view::npos) fail("missing ']' in format string");
        value = get_item(value, key(path.substr(i + 1, close - i - 1)), runtime_);
        i = close + 1;
      } else {
        fail("only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }
  static Value key(std::string_view text) {
    const bool digits = !text.empty() && text.size() < 10 &&
                        text.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits) return Value(text);
    return Value(int64_t{std::stoi(std::string(text))});
  }

  Value first(const std::string& name) {
    const Value k = name.empty() ? Value(next_++) : key(name);
    if (k.is_int()) {
      const auto index = static_cast<size_t>(k.as_int());
      if (index >= arguments_.positional.size()) {
        fail(fmt::format("replacement index {} out of range for positional args", index));
      }
      return arguments_.positional[index];
    }
    runtime_.spend(1 + arguments_.keyword.size() / 8);
    for (const auto& [key_name, value] : arguments_.keyword) {
      if (key_name == name) return value;
    }
    fail(fmt::format("format: there is no argument named '{}'", name));
  }

  const Arguments& arguments_;
  Runtime& runtime_;
  int64_t next_ = 0;
};

}  // namespace

std::string format_braces(std::string_view pattern, const Arguments& arguments, Runtime& runtime) {
  runtime.spend_scan(pattern.size());
  return BraceFormatter(arguments, runtime).run(pattern, 0);
}

}  // namespace lapidary::jinja
