#include "jinja/expression_parser.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace lapidary::jinja {

int depth_of(const ExprPtr& expr) { return expr == nullptr ? 0 : expr->depth; }

int depth_of(const std::vector<ExprPtr>& exprs) {
  int depth = 0;
  for (const ExprPtr& expr : exprs) depth = std::max(depth, expr->depth);
  return depth;
}

int depth_of(const CallArguments& arguments) {
  int depth = std::max({depth_of(arguments.positional), depth_of(arguments.spread),
                        depth_of(arguments.keyword_spread)});
  for (const auto& [name, value] : arguments.keyword) depth = std::max(depth, value->depth);
  return depth;
}

ExprPtr ExpressionParser::expression(bool with_conditional) {
  const Nesting nesting(*this);
  return with_conditional ? conditional() : disjunction();
}

ExprPtr ExpressionParser::conditional() {
  ExprPtr value = disjunction();
  while (stream_.at_name("if")) {
    const int line = stream_.next().line;
    ExprPtr condition = disjunction();
    ExprPtr otherwise;
    if (stream_.skip_name("else")) {
      const Nesting nesting(*this);
      otherwise = conditional();
    }
    const int depth = std::max({depth_of(value), depth_of(condition), depth_of(otherwise)});
    value = make(
        line, ConditionalExpr{std::move(condition), std::move(value), std::move(otherwise)}, depth);
  }
  return value;
}

ExprPtr ExpressionParser::disjunction() {
  ExprPtr left = conjunction();
  while (stream_.at_name("or")) {
    const int line = stream_.next().line;
    ExprPtr right = conjunction();
    const int depth = std::max(depth_of(left), depth_of(right));
    left = make(line, LogicExpr{false, std::move(left), std::move(right)}, depth);
  }
  return left;
}

ExprPtr ExpressionParser::conjunction() {
  ExprPtr left = negation();
  while (stream_.at_name("and")) {
    const int line = stream_.next().line;
    ExprPtr right = negation();
    const int depth = std::max(depth_of(left), depth_of(right));
    left = make(line, LogicExpr{true, std::move(left), std::move(right)}, depth);
  }
  return left;
}

ExprPtr ExpressionParser::negation() {
  if (!stream_.at_name("not")) return comparison();
  const Nesting nesting(*this);
  const int line = stream_.next().line;
  ExprPtr operand = negation();
  const int depth = operand->depth;
  return make(line, UnaryExpr{UnaryOp::kNot, std::move(operand)}, depth);
}

ExprPtr ExpressionParser::comparison() {
  static constexpr std::pair<std::string_view, CompareOp> kOps[] = {
      {"==", CompareOp::kEqual},     {"!=", CompareOp::kNotEqual}, {"<", CompareOp::kLess},
      {"<=", CompareOp::kLessEqual}, {">", CompareOp::kGreater},   {">=", CompareOp::kGreaterEqual},
  };
  const int line = stream_.line();
  ExprPtr first = sum();
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
  int depth = first->depth;
  while (true) {
    std::optional<CompareOp> op;
    for (const auto& [text, candidate] : kOps) {
      if (stream_.at_operator(text)) op = candidate;
    }
    if (stream_.at_name("in")) op = CompareOp::kIn;
    if (stream_.at_name("not") && stream_.ahead().is_name("in")) {
      stream_.next();
      op = CompareOp::kNotIn;
    }
    if (!op) break;
    stream_.next();
    rest.emplace_back(*op, sum());
    depth = std::max(depth, rest.back().second->depth);
  }
  if (rest.empty()) return first;
  return make(line, CompareExpr{std::move(first), std::move(rest)}, depth);
}

ExprPtr ExpressionParser::sum() {
  ExprPtr left = concatenation();
  while (stream_.at_operator("+") || stream_.at_operator("-")) {
    const Token token = stream_.next();
    const BinaryOp op = token.text == "+" ? BinaryOp::kAdd : BinaryOp::kSubtract;
    ExprPtr right = concatenation();
    const int depth = std::max(left->depth, right->depth);
    left = make(token.line, BinaryExpr{op, std::move(left), std::move(right)}, depth);
  }
  return left;
}

ExprPtr ExpressionParser::concatenation() {
  const int line = stream_.line();
  std::vector<ExprPtr> parts;
  parts.push_back(product());
  while (stream_.skip_operator("~")) parts.push_back(product());
  if (parts.size() == 1) return std::move(parts.front());
  const int depth = depth_of(parts);
  return make(line, ConcatExpr{std::move(parts)}, depth);
}

ExprPtr ExpressionParser::product() {
  static constexpr std::pair<std::string_view, BinaryOp> kOps[] = {
      {"*", BinaryOp::kMultiply},
      {"/", BinaryOp::kDivide},
      {"//", BinaryOp::kFloorDivide},
      {"%", BinaryOp::kModulo},
  };
  ExprPtr left = power();
  while (true) {
    std::optional<BinaryOp> op;
    for (const auto& [text, candidate] : kOps) {
      if (stream_.at_operator(text)) op = candidate;
    }
    if (!op) return left;
    const int line = stream_.next().line;
    ExprPtr right = power();
    const int depth = std::max(left->depth, right->depth);
    left = make(line, BinaryExpr{*op, std::move(left), std::move(right)}, depth);
  }
}

ExprPtr ExpressionParser::power() {
  ExprPtr left = unary();
  while (stream_.at_operator("**")) {  // to the left, unlike Python
    const int line = stream_.next().line;
    ExprPtr right = unary();
    const int depth = std::max(left->depth, right->depth);
    left = make(line, BinaryExpr{BinaryOp::kPower, std::move(left), std::move(right)}, depth);
  }
  return left;
}

ExprPtr ExpressionParser::unary(bool with_filter) {
  const Nesting nesting(*this);
  ExprPtr node;
  if (stream_.at_operator("-") || stream_.at_operator("+")) {
    const Token token = stream_.next();
    ExprPtr operand = unary(false);
    const int depth = operand->depth;
    node = make(
        token.line,
        UnaryExpr{token.text == "-" ? UnaryOp::kNegative : UnaryOp::kPositive, std::move(operand)},
        depth);
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filter ? filters_and_tests(std::move(node)) : std::move(node);
}

void ExpressionParser::note_name(const std::string& name) {
  for (SpecialNames& names : special_names) {
    names.caller |= name == "caller";
    names.varargs |= name == "varargs";
    names.kwargs |= name == "kwargs";
  }
}

ExprPtr ExpressionParser::primary() {
  const Token token = stream_.current();
  switch (token.kind) {
    case TokenKind::kName: {
      stream_.next();
      const std::string& name = token.text;
      if (name == "true" || name == "True") return make(token.line, ConstantExpr{Value(true)}, 0);
      if (name == "false" || name == "False") {
        return make(token.line, ConstantExpr{Value(false)}, 0);
      }
      if (name == "none" || name == "None") return make(token.line, ConstantExpr{Value(None{})}, 0);
      note_name(name);
      return make(token.line, NameExpr{name}, 0);
    }
    case TokenKind::kString: {
      std::string text;
      while (stream_.at(TokenKind::kString)) text += stream_.next().text;
      return make(token.line, ConstantExpr{Value(std::move(text))}, 0);
    }
    case TokenKind::kInteger: {
      stream_.next();
      std::string_view digits = token.text;
      int base = 10;
      if (digits.size() > 2 && digits[0] == '0') {
        const char kind = static_cast<char>(digits[1] | 0x20);
        base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
        if (base != 10) digits.remove_prefix(2);
      }
      int64_t value = 0;
      const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
      if (end.ec != std::errc{}) {
        stream_.fail_at(fmt::format("the integer {} does not fit in 64 bits", token.text),
                        ErrorKind::kUnsupported);
      }
      return make(token.line, ConstantExpr{Value(value)}, 0);
    }
    case TokenKind::kFloat: {
      stream_.next();
      return make(token.line, ConstantExpr{Value(std::strtod(token.text.c_str(), nullptr))}, 0);
    }
    default:
      break;
  }
  if (stream_.skip_operator("(")) {
    ExprPtr inner = tuple(true, {}, true);
    stream_.expect_operator(")");
    return inner;
  }
  if (stream_.at_operator("[")) return list();
  if (stream_.at_operator("{")) return dict();
  stream_.fail_expected("an expression");
}

ExprPtr ExpressionParser::list() {
  const int line = stream_.next().line;
  std::vector<ExprPtr> items;
  while (!stream_.at_operator("]")) {
    if (!items.empty()) stream_.expect_operator(",");
    if (stream_.at_operator("]")) break;
    items.push_back(expression());
  }
  stream_.expect_operator("]");
  const int depth = depth_of(items);
  return make(line, ListExpr{std::move(items), false}, depth);
}

ExprPtr ExpressionParser::dict() {
  const int line = stream_.next().line;
  DictExpr dict;
  int depth = 0;
  while (!stream_.at_operator("}")) {
    if (!dict.entries.empty()) stream_.expect_operator(",");
    if (stream_.at_operator("}")) break;
    ExprPtr key = expression();
    stream_.expect_operator(":");
    ExprPtr value = expression();
    depth = std::max({depth, key->depth, value->depth});
    dict.entries.emplace_back(std::move(key), std::move(value));
  }
  stream_.expect_operator("}");
  return make(line, std::move(dict), depth);
}

ExprPtr ExpressionParser::tuple(bool with_conditional, std::string_view end_name,
                                bool parenthesized) {
  const int line = stream_.line();
  std::vector<ExprPtr> items;
  bool comma = false;
  while (true) {
    if (!items.empty()) stream_.expect_operator(",");
    const bool at_end = stream_.at(TokenKind::kVariableEnd) || stream_.at(TokenKind::kBlockEnd) ||
                        stream_.at_operator(")") ||
                        (!end_name.empty() && stream_.at_name(end_name));
    if (at_end) break;
    items.push_back(expression(with_conditional));
    if (!stream_.at_operator(",")) break;
    comma = true;
  }
  if (!comma) {
    if (!items.empty()) return std::move(items.front());
    if (!parenthesized) stream_.fail_expected("an expression");
  }
  const int depth = depth_of(items);
  return make(line, ListExpr{std::move(items), true}, depth);
}

}  // namespace lapidary::jinja
