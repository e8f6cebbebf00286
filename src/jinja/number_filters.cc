// Filters that make or change numbers, and those that look up filters.
#include <fmt/core.h>

#include <charconv>
#include <cmath>

#include "jinja/arithmetic.h"
#include "jinja/bind.h"
#include "jinja/filters.h"
#include "jinja/number_format.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

// Digits with single underscores between them, as Python's int() and float() take them.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    const auto digit = [&](size_t k) {
      return k < text.size() && ((text[k] >= '0' && text[k] <= '9') ||
                                 ((text[k] | 0x20) >= 'a' && (text[k] | 0x20) <= 'z'));
    };
    if (i == 0 || !digit(i - 1) || !digit(i + 1)) return std::nullopt;
  }
  return out;
}

std::optional<int64_t> parse_integer(std::string_view text, int64_t base) {
  auto digits = without_underscores(strip(text));
  if (!digits || digits->empty()) return std::nullopt;
  std::string sign;
  if ((*digits)[0] == '+' || (*digits)[0] == '-') {
    if ((*digits)[0] == '-') sign = "-";
    digits->erase(0, 1);
  }
  if (digits->size() > 2 && (*digits)[0] == '0') {
    const char kind = static_cast<char>((*digits)[1] | 0x20);
    const int64_t prefix_base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    if (prefix_base != 0 && (base == prefix_base || base == 0)) {
      base = prefix_base;
      digits->erase(0, 2);
    }
  }
  if (base == 0) base = 10;
  if (base < 2 || base > 36 || digits->empty() || (*digits)[0] == '-' || (*digits)[0] == '+') {
    return std::nullopt;
  }
  const std::string all = sign + *digits;
  int64_t value = 0;
  const auto end =
      std::from_chars(all.data(), all.data() + all.size(), value, static_cast<int>(base));
  if (end.ptr != all.data() + all.size()) return std::nullopt;
  if (end.ec == std::errc::result_out_of_range) {
    fail_unsupported(fmt::format("the integer {} does not fit in 64 bits", all));
  }
  if (end.ec != std::errc{}) return std::nullopt;
  return value;
}

std::optional<double> parse_float(std::string_view text) {
  auto cleaned = without_underscores(strip(text));
  if (!cleaned || cleaned->empty()) return std::nullopt;
  std::string_view body = *cleaned;
  const bool negative = body[0] == '-';
  if (body[0] == '-' || body[0] == '+') body.remove_prefix(1);
  if (body.empty() || body[0] == '-' || body[0] == '+') return std::nullopt;
  double value = 0.0;
  const auto end = std::from_chars(body.data(), body.data() + body.size(), value);
  if (end.ptr != body.data() + body.size()) return std::nullopt;
  if (end.ec == std::errc::result_out_of_range) {
    value = std::strtod(std::string(body).c_str(), nullptr);  // inf or 0, as in Python
  } else if (end.ec != std::errc{}) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<int64_t> truncated(double value) {
  if (std::isnan(value) || std::isinf(value)) return std::nullopt;
  if (std::fabs(value) >= 9.2e18) fail_unsupported("an integer beyond 64 bits");
  return static_cast<int64_t>(value);
}

// Parsing copies the text and goes through it a few times, character by character.
void spend_parsing(const Value& v, Runtime& runtime) {
  if (v.is_string()) runtime.spend_decode(v.string().size());
}

Value to_int(Value v, Arguments arguments, Runtime& runtime) {
  const Bound args("int", std::move(arguments), {"default", "base"});
  if (v.is_undefined()) fail(v.undefined_message());
  Value fallback = args.value_or(0, Value(int64_t{0}));
  spend_parsing(v, runtime);
  if (v.integer()) return Value(*v.integer());
  std::optional<double> number;
  if (v.is_string()) {
    if (auto parsed = parse_integer(v.string(), args.integer(1, 10))) return Value(*parsed);
    number = parse_float(v.string());
  } else {
    number = v.number();
  }
  if (!number) return fallback;
  const auto out = truncated(*number);
  return out ? Value(*out) : fallback;
}

Value to_float(Value v, Arguments arguments, Runtime& runtime) {
  const Bound args("float", std::move(arguments), {"default"});
  spend_parsing(v, runtime);
  if (v.is_undefined()) fail(v.undefined_message());
  if (v.number()) return Value(*v.number());
  if (v.is_string()) {
    if (auto parsed = parse_float(v.string())) return Value(*parsed);
  }
  return args.value_or(0, Value(0.0));
}

Value absolute(Value v, Arguments arguments, Runtime&) {
  const Bound args("abs", std::move(arguments), {});
  if (v.is_float()) return Value(std::fabs(v.as_float()));
  if (v.integer()) return negate(v, *v.integer() < 0);
  if (v.is_undefined()) fail(v.undefined_message());
  fail(fmt::format("bad operand type for abs(): '{}'", type_name(v)));
}

// Rounds half to even in decimal, exactly, as Python's round().
double round_digits(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 300) return value;
  if (digits < -308) return std::copysign(0.0, value);
  if (digits < 0) {
    const double scale = std::pow(10.0, static_cast<double>(-digits));
    return std::nearbyint(value / scale) * scale;
  }
  NumberStyle style;
  style.type = 'f';
  style.precision = static_cast<int>(digits);
  const NumberText text = format_float(value, style);
  return std::strtod((text.sign + text.digits).c_str(), nullptr);
}

Value round_integer(int64_t value, int64_t digits) {
  if (digits >= 0) return Value(value);
  if (digits < -18) return Value(int64_t{0});
  int64_t scale = 1;
  for (int64_t i = 0; i < -digits; ++i) scale *= 10;
  int64_t quotient = value / scale;
  const int64_t rest = std::abs(value % scale);
  const bool up = rest > scale / 2 || (rest == scale / 2 && (quotient & 1) != 0);
  if (up) quotient += value < 0 ? -1 : 1;
  int64_t out = 0;
  if (__builtin_mul_overflow(quotient, scale, &out)) fail_unsupported("an integer beyond 64 bits");
  return Value(out);
}

Value round(Value v, Arguments arguments, Runtime&) {
  const Bound args("round", std::move(arguments), {"precision", "method"});
  const std::string_view method = args.text(1, "common");
  if (method != "common" && method != "ceil" && method != "floor") {
    fail("round: the method must be common, ceil or floor");
  }
  if (v.is_undefined()) fail(v.undefined_message());
  if (!v.number()) fail(fmt::format("round expects a number, not '{}'", type_name(v)));
  const int64_t digits = args.integer(0, 0);
  if (method == "common") {
    if (v.integer()) return round_integer(*v.integer(), digits);
    return Value(round_digits(v.as_float(), digits));
  }
  if (digits > 300 || digits < -300) fail("round: the precision is too large");
  const double scale = std::pow(10.0, static_cast<double>(digits));
  const double scaled = *v.number() * scale;
  return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

Value filesizeformat(Value v, Arguments arguments, Runtime& runtime) {
  const Bound args("filesizeformat", std::move(arguments), {"binary"});
  spend_parsing(v, runtime);
  std::optional<double> bytes = v.number();
  if (v.is_string()) bytes = parse_float(v.string());
  if (!bytes) fail("filesizeformat expects a number");
  const bool binary_units = args.boolean(0, false, runtime);
  const double base = binary_units ? 1024.0 : 1000.0;
  if (*bytes == 1.0) return Value("1 Byte");
  if (*bytes < base) return Value(fmt::format("{} Bytes", truncated(*bytes).value_or(0)));
  static constexpr std::string_view kPrefixes = "kMGTPEZY";
  double unit = base;
  size_t i = 0;
  while (i + 1 < kPrefixes.size() && *bytes >= unit * base) {
    unit *= base;
    ++i;
  }
  NumberStyle style;
  style.type = 'f';
  style.precision = 1;
  std::string out = format_float(*bytes / unit, style).digits + " ";
  out += binary_units && i == 0 ? 'K' : kPrefixes[i];
  return Value(out + (binary_units ? "iB" : "B"));
}

struct Row {
  std::string_view name;
  Filter filter;
};
constexpr Row kRows[] = {{"int", to_int},
                         {"float", to_float},
                         {"abs", absolute},
                         {"round", round},
                         {"filesizeformat", filesizeformat}};

}  // namespace

Filter find_number_filter(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.filter;
  }
  return nullptr;
}

Filter find_filter(std::string_view name) {
  for (auto find :
       {find_text_filter, find_number_filter, find_sequence_filter, find_selection_filter}) {
    if (Filter filter = find(name)) return filter;
  }
  return nullptr;
}

Value apply_filter(std::string_view name, Value operand, Arguments arguments, Runtime& runtime) {
  const Filter filter = find_filter(name);
  if (filter == nullptr) {
    fail_unsupported(fmt::format("there is no filter named '{}'", name));
  }
  runtime.spend();
  spend_text(operand, runtime);
  spend_text(arguments, runtime);
  return filter(std::move(operand), std::move(arguments), runtime);
}

}  // namespace lapidary::jinja
