#include "jinja/string_literal.h"

#include <cstdint>

#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

char simple_escape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    case '\\':
    case '\'':
    case '"':
      return c;
    default:
      return 0;
  }
}

// Reads `digits` hex digits at i and appends the code point.
bool append_hex(std::string_view raw, size_t& i, size_t digits, std::string& out,
                std::string& problem) {
  uint32_t c = 0;
  for (size_t k = 0; k < digits; ++k, ++i) {
    const int digit = i < raw.size() ? hex_digit(raw[i]) : -1;
    if (digit < 0) {
      problem = "an escape has too few hex digits";
      return false;
    }
    c = c * 16 + static_cast<uint32_t>(digit);
  }
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
    problem = "an escape names no character";
    return false;
  }
  append_utf8(out, c);
  return true;
}

}  // namespace

std::optional<std::string> unescape_literal(std::string_view raw, std::string& problem) {
  std::string out;
  out.reserve(raw.size());
  for (size_t i = 0; i < raw.size();) {
    if (raw[i] != '\\' || i + 1 >= raw.size()) {
      out += raw[i++];
      continue;
    }
    const char c = raw[i + 1];
    i += 2;
    if (const char simple = simple_escape(c)) {
      out += simple;
    } else if (c == '\n') {
      continue;
    } else if (c >= '0' && c <= '7') {
      char32_t code = static_cast<char32_t>(c - '0');
      for (int k = 0; k < 2 && i < raw.size() && raw[i] >= '0' && raw[i] <= '7'; ++k, ++i) {
        code = code * 8 + static_cast<char32_t>(raw[i] - '0');
      }
      append_utf8(out, code);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      if (!append_hex(raw, i, c == 'x' ? 2 : c == 'u' ? 4 : 8, out, problem)) return std::nullopt;
    } else if (c == 'N') {
      problem = "\\N{...} escapes are not supported";
      return std::nullopt;
    } else {
      out += '\\';
      out += c;  // an unknown escape stays as it is
    }
  }
  return out;
}

}  // namespace lapidary::jinja
