// A cursor over tokens with the questions a parser asks.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "jinja/lexer.h"
#include "jinja/runtime.h"

namespace lapidary::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[position_]; }
  const Token& ahead() const { return tokens_[std::min(position_ + 1, tokens_.size() - 1)]; }
  int line() const { return current().line; }
  bool at(TokenKind kind) const { return current().kind == kind; }
  bool at_name(std::string_view name) const { return current().is_name(name); }
  bool at_operator(std::string_view op) const { return current().is_operator(op); }

  Token next() {
    Token token = current();
    if (position_ + 1 < tokens_.size()) ++position_;
    return token;
  }
  bool skip_name(std::string_view name) { return at_name(name) && (next(), true); }
  bool skip_operator(std::string_view op) { return at_operator(op) && (next(), true); }

  Token expect(TokenKind kind, const std::string& what) {
    if (!at(kind)) fail_expected(what);
    return next();
  }
  void expect_operator(const std::string& op) {
    if (!skip_operator(op)) fail_expected("'" + op + "'");
  }
  void expect_name(const std::string& name) {
    if (!skip_name(name)) fail_expected("'" + name + "'");
  }
  [[noreturn]] void fail_expected(const std::string& what) const {
    fail_at("expected " + what + ", found " + describe(current()));
  }
  [[noreturn]] void fail_at(std::string what, ErrorKind kind = ErrorKind::kBadInput) const {
    throw Failure{kind, std::move(what), line()};
  }

 private:
  std::vector<Token> tokens_;
  size_t position_ = 0;
};

}  // namespace lapidary::jinja
