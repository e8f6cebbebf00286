// str() and repr() of values.
#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>

#include "jinja/unicode.h"
#include "jinja/value.h"

namespace lapidary::jinja {
namespace {

// Writes a value's repr; stops as soon as the text passes the limit, so that shared substructure
// (a list that holds itself-like copies twice, forty times over) cannot explode.
class Printer {
 public:
  explicit Printer(Runtime& runtime) : runtime_(runtime) {}

  void print(const Value& value) {
    const DepthGuard guard(runtime_);
    runtime_.spend();
    if (value.is_sequence()) {
      print_sequence(value.sequence());
    } else if (value.is_dict()) {
      print_dict(value.dict());
    } else if (value.is_string()) {
      runtime_.spend_decode(value.string().size());
      add(repr_string(value.string()));
    } else if (value.is_undefined()) {
      add("Undefined");
    } else if (value.is_object()) {
      add(value.object().repr(runtime_));
    } else {
      add(to_text(value, runtime_));
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void add(std::string_view text) {
    runtime_.spend_append(out_.size(), text.size());
    out_ += text;
  }
  void print_sequence(const Sequence& sequence) {
    add(sequence.tuple ? "(" : "[");
    bool first = true;
    for (const Value& item : sequence.items) {
      if (!first) add(", ");
      first = false;
      print(item);
    }
    if (sequence.tuple && sequence.items.size() == 1) add(",");
    add(sequence.tuple ? ")" : "]");
  }
  void print_dict(const Dict& dict) {
    add("{");
    bool first = true;
    for (const auto& [key, value] : dict.entries()) {
      if (!first) add(", ");
      first = false;
      print(key);
      add(": ");
      print(value);
    }
    add("}");
  }

  Runtime& runtime_;
  std::string out_;
};

void append_escape(std::string& out, char32_t c) {
  const auto code = static_cast<unsigned>(c);
  out += code < 0x100     ? fmt::format("\\x{:02x}", code)
         : code < 0x10000 ? fmt::format("\\u{:04x}", code)
                          : fmt::format("\\U{:08x}", code);
}

}  // namespace

std::string repr_string(std::string_view text) {
  const bool single = text.find('\'') != std::string_view::npos;
  const bool twice = text.find('"') != std::string_view::npos;
  const char quote = single && !twice ? '"' : '\'';
  std::string out(1, quote);
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    const char32_t c = next_char(text, i);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      out += text.substr(start, i - start);
    } else {
      append_escape(out, c);
    }
  }
  return out + quote;
}

std::string repr_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 40> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::scientific);
  std::string text(buffer.data(), end.ptr);
  std::string sign;
  if (text[0] == '-') {
    sign = "-";
    text.erase(0, 1);
  }
  const size_t e = text.find('e');
  const int exponent = std::stoi(text.substr(e + 1));
  std::string digits = text.substr(0, e);
  if (digits.size() > 1) digits.erase(1, 1);  // the point
  const auto count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    std::string out = sign + digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    const int size = std::abs(exponent);
    return fmt::format("{}e{}{}{}", out, exponent < 0 ? "-" : "+", size < 10 ? "0" : "", size);
  }
  if (exponent < 0) {
    return fmt::format("{}0.{}{}", sign, std::string(static_cast<size_t>(-exponent - 1), '0'),
                       digits);
  }
  if (count <= exponent + 1) {
    return fmt::format("{}{}{}.0", sign, digits,
                       std::string(static_cast<size_t>(exponent + 1 - count), '0'));
  }
  digits.insert(static_cast<size_t>(exponent) + 1, ".");
  return sign + digits;
}

std::string to_text(const Value& value, Runtime& runtime) {
  if (value.is_undefined()) return "";
  if (value.is_none()) return "None";
  if (value.is_bool()) return value.as_bool() ? "True" : "False";
  if (value.is_int()) return std::to_string(value.as_int());
  if (value.is_float()) return repr_float(value.as_float());
  if (value.is_string()) {
    runtime.spend_bytes(value.string().size());
    return value.string();
  }
  return repr(value, runtime);
}

std::string repr(const Value& value, Runtime& runtime) {
  Printer printer(runtime);
  printer.print(value);
  return printer.take();
}

}  // namespace lapidary::jinja
