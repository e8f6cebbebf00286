#include "jinja/lexer.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "jinja/runtime.h"
#include "jinja/string_literal.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

constexpr std::array<std::string_view, 27> kOperators = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]",
    "(",  ")",  "{",  "}",  ">",  "<",  "=", ".", ":", "|", ",", ";", ""};

bool digit(char c) { return c >= '0' && c <= '9'; }

std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize_newlines(source)) {}

  std::vector<Token> run() {
    while (position_ < source_.size()) lex_data();
    tokens_.push_back({TokenKind::kEnd, "", line_});
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return std::string_view(source_).substr(position_); }
  bool at(std::string_view text) const { return rest().starts_with(text); }
  [[noreturn]] void fail_here(std::string what) const {
    throw Failure{ErrorKind::kBadInput, std::move(what), line_};
  }
  // Moves on, counting lines.
  void advance(size_t end) {
    const auto from = source_.begin() + static_cast<std::ptrdiff_t>(position_);
    const auto to = source_.begin() + static_cast<std::ptrdiff_t>(end);
    line_ += static_cast<int>(std::count(from, to, '\n'));
    line_starting_ = end > position_ ? source_[end - 1] == '\n' : line_starting_;
    position_ = end;
  }
  size_t skip_space(size_t i) const {
    while (i < source_.size()) {
      size_t next = i;
      if (!is_space(next_char(source_, next))) break;
      i = next;
    }
    return i;
  }
  void push(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  // The text before a tag, less the white space that the tag's sign or lstrip_blocks takes away.
  void push_data(std::string_view text, char sign, bool is_variable) {
    if (sign == '-') {
      text = strip(text, Ends::kRight);
    } else if (sign != '+' && !is_variable) {
      const size_t line_start = text.rfind('\n') + 1;  // npos + 1 == 0
      if ((line_start > 0 || line_starting_) && strip(text.substr(line_start)).empty()) {
        text = text.substr(0, line_start);
      }
    }
    if (!text.empty()) push(TokenKind::kData, std::string(text));
  }

  // `{%[-+]? NAME` at i: the position behind NAME, or 0.
  size_t match_word_tag(size_t i, std::string_view name) const {
    i += 2;
    if (i < source_.size() && (source_[i] == '-' || source_[i] == '+')) ++i;
    i = skip_space(i);
    if (source_.compare(i, name.size(), name) != 0) return 0;
    return skip_space(i + name.size());
  }
  char sign_at(size_t i) const {
    return i < source_.size() && (source_[i] == '-' || source_[i] == '+') ? source_[i] : ' ';
  }

  void lex_data() {
    size_t i = position_;
    while (true) {
      i = source_.find('{', i);
      if (i == std::string::npos || i + 1 >= source_.size()) {
        push(TokenKind::kData, std::string(rest()));
        return advance(source_.size());
      }
      const char kind = source_[i + 1];
      if (kind == '{' || kind == '%' || kind == '#') break;
      ++i;
    }
    const char kind = source_[i + 1];
    const char sign = sign_at(i + 2);
    const std::string_view text = rest().substr(0, i - position_);
    push_data(text, sign, kind == '{');
    if (kind == '%') {
      if (const size_t after = match_word_tag(i, "raw")) {
        const bool minus = source_.compare(after, 3, "-%}") == 0;
        if (minus || source_.compare(after, 2, "%}") == 0) {
          advance(minus ? skip_space(after + 3) : after + 2);
          return lex_raw();
        }
      }
    }
    advance(i + (sign == ' ' ? 2 : 3));
    if (kind == '#') return lex_comment();
    push(kind == '{' ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, "");
    lex_tag(kind == '{');
  }

  // Where a tag that ends in `close` ends if it does so at i ("-%}", "+%}", "%}"), or 0.
  size_t match_close(size_t i, std::string_view close, bool block) const {
    if (source_.compare(i, 2, close) == 0) {
      i += 2;
      if (block && i < source_.size() && source_[i] == '\n') ++i;
      return i;
    }
    if (i + 1 < source_.size() && source_.compare(i + 1, 2, close) == 0) {
      if (source_[i] == '-') return skip_space(i + 3);
      if (source_[i] == '+' && block) return i + 3;
    }
    return 0;
  }

  void lex_comment() {
    for (size_t i = position_; i < source_.size(); ++i) {
      if (const size_t end = match_close(i, "#}", true)) return advance(end);
    }
    fail_here("a comment {# is not closed");
  }

  void lex_raw() {
    for (size_t i = source_.find("{%", position_); i != std::string::npos;
         i = source_.find("{%", i + 1)) {
      const size_t after = match_word_tag(i, "endraw");
      const size_t end = after == 0 ? 0 : match_close(after, "%}", true);
      if (end == 0) continue;
      push_data(rest().substr(0, i - position_), sign_at(i + 2), false);
      return advance(end);
    }
    fail_here("a {% raw %} block is not closed");
  }

  void lex_tag(bool variable) {
    const std::string_view close = variable ? "}}" : "%}";
    std::string open;  // brackets that wait for their partner
    while (position_ < source_.size()) {
      if (open.empty()) {
        if (const size_t end = match_close(position_, close, !variable)) {
          push(variable ? TokenKind::kVariableEnd : TokenKind::kBlockEnd, "");
          return advance(end);
        }
      }
      lex_token(open);
    }
    // The parser names what was expected.
  }

  void lex_token(std::string& open) {
    const size_t after_space = skip_space(position_);
    if (after_space != position_) return advance(after_space);
    if (lex_number() || lex_name() || lex_string()) return;
    for (std::string_view op : kOperators) {
      if (op.empty() || !at(op)) continue;
      balance(op, open);
      push(TokenKind::kOperator, std::string(op));
      return advance(position_ + op.size());
    }
    size_t next = position_;
    const char32_t c = next_char(source_, next);
    std::string shown;
    append_utf8(shown, c);
    fail_here("unexpected character " + repr_char(shown));
  }
  static std::string repr_char(const std::string& text) { return fmt::format("'{}'", text); }

  void balance(std::string_view op, std::string& open) const {
    if (op == "{") open += '}';
    if (op == "(") open += ')';
    if (op == "[") open += ']';
    if (op != "}" && op != ")" && op != "]") return;
    if (open.empty()) fail_here(fmt::format("unexpected '{}'", op));
    if (open.back() != op[0]) {
      fail_here(fmt::format("unexpected '{}', expected '{}'", op, open.back()));
    }
    open.pop_back();
  }

  // End of `(d_)*d` starting at i, or i itself.
  template <typename Digit>
  size_t skip_digits(size_t i, Digit is_digit_char) const {
    while (i < source_.size()) {
      size_t next = i;
      if (source_[next] == '_' && i > 0 && is_digit_char(source_[i - 1])) ++next;
      if (next >= source_.size() || !is_digit_char(source_[next])) break;
      i = next + 1;
    }
    return i;
  }

  // End of a float at `position_`, or 0.
  size_t match_float() const {
    if (position_ > 0 && source_[position_ - 1] == '.') return 0;
    size_t i = skip_digits(position_, digit);
    bool is_float = false;
    if (i + 1 < source_.size() && source_[i] == '.' && digit(source_[i + 1])) {
      i = skip_digits(i + 1, digit);
      is_float = true;
    }
    if (i < source_.size() && (source_[i] == 'e' || source_[i] == 'E')) {
      size_t k = i + 1;
      if (k < source_.size() && (source_[k] == '+' || source_[k] == '-')) ++k;
      if (k < source_.size() && digit(source_[k])) {
        i = skip_digits(k, digit);
        is_float = true;
      }
    }
    return is_float ? i : 0;
  }

  size_t match_prefixed_integer() const {
    if (source_[position_] != '0' || position_ + 2 >= source_.size()) return 0;
    const char kind = static_cast<char>(source_[position_ + 1] | 0x20);
    const auto in_base = [kind](char c) {
      const char low = static_cast<char>(c | 0x20);
      return kind == 'b'   ? c == '0' || c == '1'
             : kind == 'o' ? c >= '0' && c <= '7'
                           : digit(c) || (low >= 'a' && low <= 'f');
    };
    if (kind != 'b' && kind != 'o' && kind != 'x') return 0;
    const size_t start = position_ + 2 + (source_[position_ + 2] == '_' ? 1 : 0);
    if (start >= source_.size() || !in_base(source_[start])) return 0;
    return skip_digits(start, in_base);
  }

  bool lex_number() {
    if (!digit(source_[position_])) return false;
    TokenKind kind = TokenKind::kFloat;
    size_t end = match_float();
    if (end == 0) {
      kind = TokenKind::kInteger;
      end = match_prefixed_integer();
    }
    if (end == 0) {  // "007" is three numbers, as in Jinja
      end = source_[position_] == '0' ? skip_digits(position_, [](char c) { return c == '0'; })
                                      : skip_digits(position_, digit);
    }
    std::string text = source_.substr(position_, end - position_);
    std::erase(text, '_');
    push(kind, std::move(text));
    advance(end);
    return true;
  }

  bool lex_name() {
    size_t i = position_;
    while (i < source_.size()) {
      size_t next = i;
      const char32_t c = next_char(source_, next);
      const bool part =
          c == '_' || (c < 0x80 ? (c >= '0' && c <= '9') || is_alpha(c) : is_alnum(c));
      if (!part) break;
      i = next;
    }
    if (i == position_) return false;
    // Names are looked up and copied with no account of their length.
    if (i - position_ > 1000) fail_here("a name is longer than 1000 bytes");
    size_t first = position_;
    const char32_t c = next_char(source_, first);
    if (c != '_' && !is_alpha(c)) fail_here("invalid character in identifier");
    push(TokenKind::kName, source_.substr(position_, i - position_));
    advance(i);
    return true;
  }

  bool lex_string() {
    const char quote = source_[position_];
    if (quote != '\'' && quote != '"') return false;
    size_t i = position_ + 1;
    while (i < source_.size() && source_[i] != quote) i += source_[i] == '\\' ? 2 : 1;
    if (i >= source_.size()) fail_here("a string is not closed");
    const std::string_view raw = std::string_view(source_).substr(position_ + 1, i - position_ - 1);
    std::string problem;
    auto value = unescape_literal(raw, problem);
    if (!value) fail_here("in a string: " + problem);
    push(TokenKind::kString, std::move(*value));
    advance(i + 1);
    return true;
  }

  std::string source_;
  size_t position_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "text";
    case TokenKind::kBlockBegin:
      return "'{%'";
    case TokenKind::kBlockEnd:
      return "'%}'";
    case TokenKind::kVariableBegin:
      return "'{{'";
    case TokenKind::kVariableEnd:
      return "'}}'";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return "the number " + token.text;
    case TokenKind::kEnd:
      return "the end of the template";
    default:
      return fmt::format("'{}'", token.text);
  }
}

}  // namespace lapidary::jinja
