#include "base/json_scanner.h"

#include <fmt/core.h>

#include <array>

#include "base/utf8.h"

namespace lapidary {
namespace {

enum ByteClass : uint8_t { kPlain, kQuote, kBackslash, kControl, kHigh };

constexpr std::array<uint8_t, 256> kByteClass = [] {
  std::array<uint8_t, 256> table{};
  for (size_t i = 0; i < 256; ++i) table[i] = i < 0x20 ? kControl : i < 0x80 ? kPlain : kHigh;
  table['"'] = kQuote;
  table['\\'] = kBackslash;
  return table;
}();

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool JsonScanner::fail(const std::string& what) {
  if (problem_.empty()) {
    problem_ = fmt::format("not valid JSON at byte {}: {}", at_, what);
  }
  at_ = text_.size();
  return false;
}

char JsonScanner::peek() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool JsonScanner::enter(char open) {
  if (peek() != open) return fail(open == '{' ? "expected an object" : "expected an array");
  ++at_;
  fresh_ = true;
  return true;
}

// Steps over the comma before an element that is not the first; false at the end of the container.
bool JsonScanner::separator(char close) {
  if (!ok()) return false;
  const bool first = fresh_;
  fresh_ = false;
  const char c = peek();
  if (c == close) {
    ++at_;
    return false;
  }
  if (first) return true;
  if (c != ',') return fail(at_ < text_.size() ? "expected ',' or the end" : "the text ends here");
  ++at_;
  if (peek() == close) return fail("nothing follows the comma");
  return true;
}

bool JsonScanner::next_key(std::string_view& key) {
  if (!separator('}')) return false;
  if (!string(key)) return false;
  if (peek() != ':') return fail("expected ':'");
  ++at_;
  return true;
}

bool JsonScanner::next_element() { return separator(']'); }

bool JsonScanner::string(std::string_view& out) {
  if (peek() != '"') return fail("expected a string");
  const size_t begin = ++at_;
  bool high = false;
  for (size_t i = begin; i < text_.size(); ++i) {
    switch (kByteClass[static_cast<unsigned char>(text_[i])]) {
      case kPlain:
        break;
      case kHigh:
        high = true;
        break;
      case kQuote: {
        out = text_.substr(begin, i - begin);
        const size_t bad = high ? find_invalid_utf8(out) : std::string_view::npos;
        if (bad != std::string_view::npos) {
          at_ = begin + bad;
          return fail("not valid UTF-8");
        }
        at_ = i + 1;
        return true;
      }
      case kBackslash:
        return unescape(begin, out);
      default:
        at_ = i;
        return fail("a control character inside a string");
    }
  }
  at_ = text_.size();
  return fail("the text ends inside a string");
}

bool JsonScanner::unescape(size_t begin, std::string_view& out) {
  std::string& value = unescaped_.emplace_back();
  size_t i = begin;
  for (; i < text_.size() && text_[i] != '"';) {
    at_ = i;
    if (text_[i] == '\\') {
      if (!escape(i, value)) return fail("a bad escape");
    } else if (static_cast<unsigned char>(text_[i]) < 0x20) {
      return fail("a control character inside a string");
    } else {
      value.push_back(text_[i++]);
    }
  }
  at_ = i;
  if (i >= text_.size()) return fail("the text ends inside a string");
  if (find_invalid_utf8(value) != std::string_view::npos) return fail("not valid UTF-8");
  ++at_;
  out = value;
  return true;
}

bool JsonScanner::hex4(size_t& i, uint32_t& out) {
  if (i + 4 > text_.size()) return false;
  out = 0;
  for (size_t end = i + 4; i < end; ++i) {
    const char c = text_[i];
    uint32_t digit = 0;
    if (is_digit(c)) {
      digit = static_cast<uint32_t>(c - '0');
    } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
      digit = static_cast<uint32_t>((c | 0x20) - 'a') + 10;
    } else {
      return false;
    }
    out = out * 16 + digit;
  }
  return true;
}

bool JsonScanner::escape(size_t& i, std::string& out) {
  if (i + 1 >= text_.size()) return false;
  const char kind = text_[i + 1];
  i += 2;
  switch (kind) {
    case '"':
    case '\\':
    case '/':
      out.push_back(kind);
      return true;
    case 'b':
      out.push_back('\b');
      return true;
    case 'f':
      out.push_back('\f');
      return true;
    case 'n':
      out.push_back('\n');
      return true;
    case 'r':
      out.push_back('\r');
      return true;
    case 't':
      out.push_back('\t');
      return true;
    case 'u':
      break;
    default:
      return false;
  }
  uint32_t code = 0;
  if (!hex4(i, code)) return false;
  if (code >= 0xdc00 && code < 0xe000) return false;
  if (code >= 0xd800 && code < 0xdc00) {
    uint32_t low = 0;
    if (i + 2 > text_.size() || text_[i] != '\\' || text_[i + 1] != 'u') return false;
    i += 2;
    if (!hex4(i, low) || low < 0xdc00 || low > 0xdfff) return false;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  append_utf8(out, code);
  return true;
}

bool JsonScanner::integer(int64_t& out) {
  peek();
  size_t i = at_;
  const bool negative = i < text_.size() && text_[i] == '-';
  if (negative) ++i;
  const size_t begin = i;
  int64_t value = 0;
  for (; i < text_.size() && is_digit(text_[i]); ++i) {
    if (i - begin == 18) return fail("an integer out of range");
    value = value * 10 + (text_[i] - '0');
  }
  if (i == begin) return fail("expected an integer");
  if (i - begin > 1 && text_[begin] == '0') return fail("a number with a leading zero");
  if (i < text_.size() && (text_[i] == '.' || text_[i] == 'e' || text_[i] == 'E')) {
    return fail("expected an integer, found a fraction");
  }
  at_ = i;
  out = negative ? -value : value;
  return true;
}

bool JsonScanner::skip() { return ok() && skip_nested(0); }

bool JsonScanner::skip_nested(int depth) {
  constexpr int kMaxDepth = 128;
  if (depth > kMaxDepth) {
    if (ok()) problem_ = fmt::format("nested more than {} levels deep", kMaxDepth);
    return fail("");
  }
  const char c = peek();
  std::string_view ignored;
  if (c == '"') return string(ignored);
  if (c == '{') {
    enter(c);
    while (next_key(ignored)) skip_nested(depth + 1);
    return ok();
  }
  if (c == '[') {
    enter(c);
    while (next_element()) skip_nested(depth + 1);
    return ok();
  }
  const size_t begin = at_;
  while (at_ < text_.size() &&
         (is_digit(text_[at_]) || (text_[at_] >= 'a' && text_[at_] <= 'z') || text_[at_] == '-' ||
          text_[at_] == '+' || text_[at_] == '.' || text_[at_] == 'E')) {
    ++at_;
  }
  return at_ > begin ? true : fail("expected a value");
}

bool JsonScanner::finish() {
  if (!ok()) return false;
  peek();
  return at_ == text_.size() ? true : fail("something follows the end");
}

}  // namespace lapidary
