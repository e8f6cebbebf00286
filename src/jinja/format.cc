#include "jinja/format.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "jinja/number_format.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

std::string first_code_points(const std::string& text, int count) {
  size_t i = 0;
  while (count-- > 0 && i < text.size()) next_char(text, i);
  return text.substr(0, i);
}

std::string escape_non_ascii(const std::string& text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) fail_unsupported("%a of text that is not ASCII");
  }
  return text;
}

// One pattern of the "%" kind.
class PercentFormatter {
 public:
  PercentFormatter(std::string_view pattern, const Value& arguments, Runtime& runtime)
      : pattern_(pattern), arguments_(arguments), runtime_(runtime) {}

  std::string run() {
    while (at_ < pattern_.size()) {
      const size_t before = out_.size();
      const size_t percent = std::min(pattern_.find('%', at_), pattern_.size());
      out_ += pattern_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ < pattern_.size()) conversion();
      runtime_.spend_append(before, out_.size() - before);
    }
    const bool all_used = named_ || arguments_.is_dict() || next_ >= positional_count();
    if (!all_used) fail("not all arguments converted during string formatting");
    return std::move(out_);
  }

 private:
  size_t positional_count() const { return arguments_.is_tuple() ? arguments_.items().size() : 1; }
  const Value& next_argument() {
    if (next_ >= positional_count()) fail("not enough arguments for format string");
    ++next_;
    return arguments_.is_tuple() ? arguments_.items()[next_ - 1] : arguments_;
  }
  char take() {
    if (at_ >= pattern_.size()) fail("incomplete format");
    return pattern_[at_++];
  }
  int number(int limit) {
    if (at_ < pattern_.size() && pattern_[at_] == '*') {
      ++at_;
      const auto v = next_argument().integer();
      if (!v) fail("* wants int");
      if (*v > limit || *v < -limit) fail("a format width or precision is too large");
      return static_cast<int>(*v);
    }
    int out = 0;
    while (at_ < pattern_.size() && pattern_[at_] >= '0' && pattern_[at_] <= '9') {
      out = out * 10 + (pattern_[at_++] - '0');
      if (out > limit) fail("a format width or precision is too large");
    }
    return out;
  }

  void conversion() {
    ++at_;  // the percent sign
    const Value* value = nullptr;
    if (at_ < pattern_.size() && pattern_[at_] == '(') {
      const size_t close = pattern_.find(')', at_);
      if (close == std::string_view::npos) fail("incomplete format key");
      if (!arguments_.is_dict()) fail("format requires a mapping");
      const std::string key(pattern_.substr(at_ + 1, close - at_ - 1));
      value = arguments_.dict().find_text(key, runtime_);
      if (value == nullptr) fail(fmt::format("format: there is no key '{}'", key));
      named_ = true;
      at_ = close + 1;
    }
    NumberStyle style;
    bool left = false;
    bool zeros = false;
    char c = take();
    for (; std::string_view("-+ #0").find(c) != std::string_view::npos; c = take()) {
      left |= c == '-';
      zeros |= c == '0';
      style.alternate |= c == '#';
      if (c == '+' || (c == ' ' && style.sign != '+')) style.sign = c;
    }
    --at_;
    int width = number(kMaxFormatWidth);
    left |= width < 0;
    width = std::abs(width);
    if (at_ < pattern_.size() && pattern_[at_] == '.') {
      ++at_;
      style.precision = std::max(0, number(kMaxPrecision));
    }
    style.type = take();
    while (style.type == 'h' || style.type == 'l' || style.type == 'L') style.type = take();
    if (style.type == '%') {
      out_ += '%';
      return;
    }
    if (value == nullptr) value = &next_argument();
    const char align = left ? '<' : zeros && is_number_type(style.type) ? '=' : '>';
    const NumberText text = convert(*value, style);
    out_ += pad(text.sign, text.digits, width, align, align == '=' ? "0" : " ");
  }
  static bool is_number_type(char type) {
    return std::string_view("diouxXeEfFgG").find(type) != std::string_view::npos;
  }

  NumberText convert(const Value& value, NumberStyle style) {
    switch (style.type) {
      case 's':
      case 'r':
      case 'a': {
        std::string text = style.type == 's' ? to_text(value, runtime_) : repr(value, runtime_);
        if (style.type == 'a') text = escape_non_ascii(text);
        return {"", style.precision ? first_code_points(text, *style.precision) : text};
      }
      case 'c': {
        if (value.is_string() && count_code_points(value.string()) == 1)
          return {"", value.string()};
        if (!value.integer() || *value.integer() < 0 || *value.integer() > 0x10FFFF ||
            (*value.integer() >= 0xD800 && *value.integer() <= 0xDFFF)) {
          fail("%c requires an int or a character");
        }
        std::string out;
        append_utf8(out, static_cast<char32_t>(*value.integer()));
        return {"", out};
      }
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o':
        return convert_integer(value, style);
      default:
        break;
    }
    if (!is_number_type(style.type)) {
      fail(fmt::format("unsupported format character '{}'", style.type));
    }
    if (value.is_undefined()) fail(value.undefined_message());
    if (!value.number()) fail("must be a real number, not " + type_name(value));
    return format_float(*value.number(), style);
  }

  static NumberText convert_integer(const Value& value, NumberStyle style) {
    const bool decimal = style.type == 'd' || style.type == 'i' || style.type == 'u';
    if (decimal) style.type = 'd';
    if (value.integer()) return format_integer(*value.integer(), style);
    if (value.is_undefined()) fail(value.undefined_message());
    if (!value.is_float() || !decimal) {
      fail(fmt::format("%{} format: a number is required, not {}", style.type, type_name(value)));
    }
    const double truncated = std::trunc(value.as_float());
    if (!(std::fabs(truncated) < 9.2e18)) fail_unsupported("an integer beyond 64 bits");
    return format_integer(static_cast<int64_t>(truncated), style);
  }

  std::string_view pattern_;
  const Value& arguments_;
  Runtime& runtime_;
  size_t at_ = 0;
  size_t next_ = 0;
  bool named_ = false;
  std::string out_;
};

}  // namespace

std::string format_percent(std::string_view pattern, const Value& arguments, Runtime& runtime) {
  runtime.spend_scan(pattern.size());
  return PercentFormatter(pattern, arguments, runtime).run();
}

}  // namespace lapidary::jinja
