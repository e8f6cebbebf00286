// What follows an operand: attributes, items, slices, calls, filters, tests; and targets.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "jinja/expression_parser.h"
#include "jinja/filters.h"
#include "jinja/predicates.h"

namespace lapidary::jinja {

ExprPtr ExpressionParser::postfix(ExprPtr node) {
  while (true) {
    if (stream_.at_operator(".") || stream_.at_operator("[")) {
      node = subscript(std::move(node));
    } else if (stream_.at_operator("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr ExpressionParser::filters_and_tests(ExprPtr node) {
  while (true) {
    if (stream_.at_operator("|")) {
      node = filters(std::move(node));
    } else if (stream_.at_name("is")) {
      node = test(std::move(node));
    } else if (stream_.at_operator("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr ExpressionParser::subscript(ExprPtr node) {
  if (stream_.at_operator("[")) return bracket(std::move(node));
  const int line = stream_.next().line;  // the dot
  const Token token = stream_.next();
  const int depth = node->depth;
  if (token.kind == TokenKind::kName) {
    return make(line, AttributeExpr{std::move(node), token.text}, depth);
  }
  if (token.kind != TokenKind::kInteger) stream_.fail_at("expected a name or number after '.'");
  int64_t index = 0;
  const auto end = std::from_chars(token.text.data(), token.text.data() + token.text.size(), index);
  if (end.ec != std::errc{}) stream_.fail_at(fmt::format("the index {} is too large", token.text));
  return make(line, ItemExpr{std::move(node), make(line, ConstantExpr{Value(index)}, 0)}, depth);
}

ExprPtr ExpressionParser::bracket(ExprPtr node) {
  const int line = stream_.next().line;
  ExprPtr parts[3];
  size_t colons = 0;
  if (!stream_.at_operator(":")) parts[0] = expression();
  while (colons < 2 && stream_.skip_operator(":")) {
    ++colons;
    if (!stream_.at_operator(":") && !stream_.at_operator("]")) parts[colons] = expression();
  }
  if (stream_.at_operator(",")) {
    stream_.fail_at("several subscripts in one [ ] are not supported", ErrorKind::kUnsupported);
  }
  stream_.expect_operator("]");
  const int depth =
      std::max({node->depth, depth_of(parts[0]), depth_of(parts[1]), depth_of(parts[2])});
  if (colons == 0) return make(line, ItemExpr{std::move(node), std::move(parts[0])}, depth);
  return make(
      line,
      SliceExpr{std::move(node), std::move(parts[0]), std::move(parts[1]), std::move(parts[2])},
      depth);
}

CallArguments ExpressionParser::arguments() {
  const Nesting nesting(*this);
  CallArguments out;
  stream_.expect_operator("(");
  bool comma_needed = false;
  while (!stream_.at_operator(")")) {
    if (comma_needed) {
      stream_.expect_operator(",");
      if (stream_.at_operator(")")) break;
    }
    comma_needed = true;
    const bool is_keyword = stream_.at(TokenKind::kName) && stream_.ahead().is_operator("=");
    bool in_order = out.keyword_spread == nullptr;
    if (stream_.at_operator("*")) {
      in_order = in_order && out.spread == nullptr;
      stream_.next();
      out.spread = expression();
    } else if (stream_.skip_operator("**")) {
      out.keyword_spread = expression();
    } else if (is_keyword) {
      std::string name = stream_.next().text;
      stream_.next();
      out.keyword.emplace_back(std::move(name), expression());
    } else {
      in_order = in_order && out.spread == nullptr && out.keyword.empty();
      out.positional.push_back(expression());
    }
    if (!in_order) stream_.fail_at("invalid order of call arguments");
  }
  stream_.expect_operator(")");
  return out;
}

ExprPtr ExpressionParser::call(ExprPtr node) {
  const int line = stream_.line();
  CallArguments args = arguments();
  const int depth = std::max(node->depth, depth_of(args));
  return make(line, CallExpr{std::move(node), std::move(args)}, depth);
}

std::string ExpressionParser::dotted_name() {
  std::string name = stream_.expect(TokenKind::kName, "a name").text;
  while (stream_.skip_operator(".")) {
    name += "." + stream_.expect(TokenKind::kName, "a name").text;
  }
  return name;
}

ExprPtr ExpressionParser::filters(ExprPtr operand, bool inline_start) {
  while (inline_start || stream_.at_operator("|")) {
    if (!inline_start) stream_.next();
    inline_start = false;
    const int line = stream_.line();
    std::string name = dotted_name();
    if (!lenient_names && find_filter(name) == nullptr) {
      stream_.fail_at(fmt::format("there is no filter named '{}'", name), ErrorKind::kUnsupported);
    }
    CallArguments args;
    if (stream_.at_operator("(")) args = arguments();
    const int depth = std::max(depth_of(operand), depth_of(args));
    operand = make(line, FilterExpr{std::move(operand), std::move(name), std::move(args)}, depth);
  }
  return operand;
}

ExprPtr ExpressionParser::test(ExprPtr node) {
  const int line = stream_.next().line;
  const bool negated = stream_.skip_name("not");
  std::string name = dotted_name();
  if (!lenient_names && find_predicate(name) == nullptr) {
    stream_.fail_at(fmt::format("there is no test named '{}'", name), ErrorKind::kUnsupported);
  }
  CallArguments args;
  const Token& token = stream_.current();
  const bool operand_follows = token.kind == TokenKind::kName || token.kind == TokenKind::kString ||
                               token.kind == TokenKind::kInteger ||
                               token.kind == TokenKind::kFloat || token.is_operator("[") ||
                               token.is_operator("{");
  if (stream_.at_operator("(")) {
    args = arguments();
  } else if (operand_follows && !token.is_name("else") && !token.is_name("or") &&
             !token.is_name("and")) {
    if (token.is_name("is")) stream_.fail_at("tests cannot be chained with 'is'");
    const Nesting nesting(*this);
    args.positional.push_back(postfix(primary()));
  }
  const int depth = std::max(node->depth, depth_of(args));
  ExprPtr result = make(line, TestExpr{std::move(node), std::move(name), std::move(args)}, depth);
  return negated ? make(line, UnaryExpr{UnaryOp::kNot, std::move(result)}, depth + 1)
                 : std::move(result);
}

std::string ExpressionParser::name_target() {
  const Token token = stream_.expect(TokenKind::kName, "a name");
  static constexpr std::string_view kReserved[] = {"true", "false", "none",
                                                   "True", "False", "None"};
  if (std::find(std::begin(kReserved), std::end(kReserved), token.text) != std::end(kReserved)) {
    stream_.fail_at(fmt::format("cannot assign to '{}'", token.text));
  }
  return token.text;
}

Target ExpressionParser::single_target(bool with_namespace) {
  const Nesting nesting(*this);
  if (stream_.skip_operator("(")) {
    Target inner = target(with_namespace);
    stream_.expect_operator(")");
    return inner;
  }
  Target out;
  out.name = name_target();
  if (with_namespace && stream_.skip_operator(".")) {
    out.kind = Target::Kind::kNamespace;
    out.attribute = stream_.expect(TokenKind::kName, "an attribute name").text;
  }
  return out;
}

Target ExpressionParser::target(bool with_namespace, std::string_view end_name) {
  Target out;
  out.kind = Target::Kind::kTuple;
  bool comma = false;
  while (true) {
    const bool at_end = stream_.at(TokenKind::kBlockEnd) || stream_.at_operator(")") ||
                        stream_.at_operator("=") ||
                        (!end_name.empty() && stream_.at_name(end_name));
    if (at_end && !out.targets.empty()) break;
    out.targets.push_back(single_target(with_namespace));
    if (!stream_.skip_operator(",")) break;
    comma = true;
  }
  if (comma) return out;
  return Target(std::move(out.targets.front()));
}

}  // namespace lapidary::jinja
