// The expression part of the grammar, by recursive descent; precedence is Jinja's.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "jinja/ast.h"
#include "jinja/token_stream.h"

namespace lapidary::jinja {

// Deeper trees are refused, so that walking and freeing them needs a bounded stack.
constexpr int kMaxTreeDepth = 200;
constexpr int kMaxParseDepth = 100;

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& stream) : stream_(stream) {}

  ExprPtr expression(bool with_conditional = true);
  // `a, b` gives a tuple, `a` alone an expression; stops before `end_name` if given.
  ExprPtr tuple(bool with_conditional = true, std::string_view end_name = {},
                bool parenthesized = false);
  // `| f | g(1)` applied to `operand`, which may be null. `inline_start`: the first bar is absent.
  ExprPtr filters(ExprPtr operand, bool inline_start = false);
  Target target(bool with_namespace, std::string_view end_name = {});
  std::string name_target();

  // Names that macro bodies treat specially; the statement parser reads them per macro.
  struct SpecialNames {
    bool caller = false, varargs = false, kwargs = false;
  };
  std::vector<SpecialNames> special_names;
  // In an if, unknown filters and tests fail only when they run, as in Jinja.
  bool lenient_names = false;

 private:
  // Counts one level of brackets or prefix operators.
  class Nesting {
   public:
    explicit Nesting(ExpressionParser& parser) : parser_(parser) {
      if (++parser_.nesting_ > kMaxParseDepth) {
        parser_.stream_.fail_at("expressions nested more than " + std::to_string(kMaxParseDepth) +
                                " levels deep");
      }
    }
    ~Nesting() { --parser_.nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    ExpressionParser& parser_;
  };

  ExprPtr conditional();
  ExprPtr disjunction();
  ExprPtr conjunction();
  ExprPtr negation();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concatenation();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filter = true);
  ExprPtr primary();
  ExprPtr list();
  ExprPtr dict();
  ExprPtr postfix(ExprPtr node);
  ExprPtr filters_and_tests(ExprPtr node);
  ExprPtr subscript(ExprPtr node);
  ExprPtr bracket(ExprPtr node);
  ExprPtr call(ExprPtr node);
  ExprPtr test(ExprPtr node);
  CallArguments arguments();
  Target single_target(bool with_namespace);
  std::string dotted_name();
  void note_name(const std::string& name);

  template <typename Node>
  ExprPtr make(int line, Node node, int child_depth) {
    if (child_depth >= kMaxTreeDepth) {
      stream_.fail_at("an expression of more than " + std::to_string(kMaxTreeDepth) +
                      " chained operators");
    }
    auto expr = std::make_unique<Expr>();
    expr->line = line;
    expr->depth = child_depth + 1;
    expr->node = std::move(node);
    return expr;
  }

  TokenStream& stream_;
  int nesting_ = 0;
};

// Depth of a tree; 0 for none.
int depth_of(const ExprPtr& expr);
int depth_of(const std::vector<ExprPtr>& exprs);
int depth_of(const CallArguments& arguments);

}  // namespace lapidary::jinja
