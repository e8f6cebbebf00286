#include "jinja/number_format.h"

#include <array>
#include <charconv>
#include <cmath>

#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

std::string sign_text(bool negative, char sign) {
  if (negative) return "-";
  return sign == '-' ? std::string() : std::string(1, sign);
}

void group_thousands(std::string& digits, char separator) {
  const size_t point = digits.find_first_not_of("0123456789");
  size_t end = point == std::string::npos ? digits.size() : point;
  while (end > 3) {
    end -= 3;
    digits.insert(end, 1, separator);
  }
}

void to_upper(std::string& text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

std::string chars(double value, std::chars_format format, int precision) {
  std::array<char, 800> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, precision);
  return std::string(buffer.data(), end.ptr);
}

}  // namespace

NumberText format_integer(int64_t value, const NumberStyle& style) {
  NumberText out;
  out.sign = sign_text(value < 0, style.sign);
  const uint64_t magnitude =
      value < 0 ? ~static_cast<uint64_t>(value) + 1 : static_cast<uint64_t>(value);
  const char low = static_cast<char>(style.type | 0x20);
  const int base = low == 'x' ? 16 : low == 'o' ? 8 : low == 'b' ? 2 : 10;
  std::array<char, 72> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude, base);
  out.digits.assign(buffer.data(), end.ptr);
  if (style.precision && static_cast<int>(out.digits.size()) < *style.precision) {
    out.digits.insert(0, static_cast<size_t>(*style.precision) - out.digits.size(), '0');
  }
  if (style.group != 0) group_thousands(out.digits, style.group);
  if (style.alternate && base != 10) out.sign += std::string("0") + low;
  if (style.type == 'X') {
    to_upper(out.digits);
    to_upper(out.sign);
  }
  return out;
}

NumberText format_float(double value, const NumberStyle& style) {
  NumberText out;
  out.sign = sign_text(std::signbit(value), style.sign);
  const double magnitude = std::fabs(value);
  const char low = static_cast<char>(style.type | 0x20);
  const int precision = style.precision.value_or(6);
  if (std::isnan(value) || std::isinf(value)) {
    out.digits = std::isnan(value) ? "nan" : "inf";
  } else if (style.type == '%') {
    out.digits = chars(magnitude * 100.0, std::chars_format::fixed, precision);
  } else if (low == 'e') {
    out.digits = chars(magnitude, std::chars_format::scientific, precision);
  } else if (low == 'g') {
    out.digits = chars(magnitude, std::chars_format::general, precision == 0 ? 1 : precision);
  } else {
    out.digits = chars(magnitude, std::chars_format::fixed, precision);
  }
  if (style.group != 0) group_thousands(out.digits, style.group);
  if (style.type >= 'A' && style.type <= 'Z') to_upper(out.digits);
  if (style.type == '%') out.digits += '%';
  return out;
}

std::string pad(const std::string& sign, const std::string& body, int width, char align,
                const std::string& fill) {
  const auto size = static_cast<int>(count_code_points(sign) + count_code_points(body));
  if (width <= size) return sign + body;
  const int missing = width - size;
  const int left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  const auto repeat = [&](int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += fill;
    return out;
  };
  if (align == '=') return sign + repeat(missing) + body;
  return repeat(left) + sign + body + repeat(missing - left);
}

}  // namespace lapidary::jinja
