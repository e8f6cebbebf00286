// Template text to tokens, with Jinja's white-space rules.
//
// The settings are those of Hugging Face chat templates: trim_blocks and lstrip_blocks are on, the
// final line break is dropped, line endings become "\n".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lapidary::jinja {

enum class TokenKind {
  kData,
  kBlockBegin,
  kBlockEnd,
  kVariableBegin,
  kVariableEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // of a string literal: its value, escapes resolved; numbers: without '_'
  int line = 0;

  bool is(TokenKind k, std::string_view t) const { return kind == k && text == t; }
  bool is_name(std::string_view t) const { return is(TokenKind::kName, t); }
  bool is_operator(std::string_view t) const { return is(TokenKind::kOperator, t); }
};

// The last token is kEnd. Throws Failure (see runtime.h) with the line of the trouble.
std::vector<Token> tokenize(std::string_view source);

// For messages: "'endif'", "end of template", ...
std::string describe(const Token& token);

}  // namespace lapidary::jinja
