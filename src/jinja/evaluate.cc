// The expressions of the interpreter.
#include <fmt/core.h>

#include "jinja/arithmetic.h"
#include "jinja/filters.h"
#include "jinja/interpreter.h"
#include "jinja/predicates.h"

namespace lapidary::jinja {

Value Interpreter::evaluate(const Expr& expr, const ScopePtr& scope) {
  const DepthGuard guard(runtime_);
  runtime_.spend();
  runtime_.line = expr.line;
  return std::visit([&](const auto& node) { return eval(node, scope); }, expr.node);
}

Value Interpreter::eval(const ConstantExpr& expr, const ScopePtr&) { return expr.value; }

Value Interpreter::eval(const NameExpr& expr, const ScopePtr& scope) {
  const Value* found = scope->find(expr.name);
  return found != nullptr ? *found : Value::undefined(fmt::format("'{}' is undefined", expr.name));
}

Value Interpreter::eval(const ListExpr& expr, const ScopePtr& scope) {
  Items items;
  items.reserve(expr.items.size());
  for (const ExprPtr& item : expr.items) items.push_back(evaluate(*item, scope));
  return expr.tuple ? Value::tuple(std::move(items)) : Value::list(std::move(items));
}

Value Interpreter::eval(const DictExpr& expr, const ScopePtr& scope) {
  Dict dict;
  for (const auto& [key, value] : expr.entries) {
    Value name = evaluate(*key, scope);
    dict.set(std::move(name), evaluate(*value, scope), runtime_);
  }
  return Value::dict(std::move(dict));
}

Value Interpreter::eval(const UnaryExpr& expr, const ScopePtr& scope) {
  const Value operand = evaluate(*expr.operand, scope);
  if (expr.op == UnaryOp::kNot) return Value(!truthy(operand, runtime_));
  return negate(operand, expr.op == UnaryOp::kNegative);
}

Value Interpreter::eval(const BinaryExpr& expr, const ScopePtr& scope) {
  const Value left = evaluate(*expr.left, scope);
  const Value right = evaluate(*expr.right, scope);
  return binary(expr.op, left, right, runtime_);
}

Value Interpreter::eval(const LogicExpr& expr, const ScopePtr& scope) {
  Value left = evaluate(*expr.left, scope);
  if (truthy(left, runtime_) != expr.conjunction) return left;
  return evaluate(*expr.right, scope);
}

Value Interpreter::eval(const ConcatExpr& expr, const ScopePtr& scope) {
  std::string out;
  for (const ExprPtr& part : expr.parts) write(to_text(evaluate(*part, scope), runtime_), out);
  return Value(std::move(out));
}

bool Interpreter::compare(CompareOp op, const Value& left, const Value& right) {
  const auto less_or_equal = [&](const Value& a, const Value& b) {
    return less(a, b, runtime_) || equals(a, b, runtime_);
  };
  switch (op) {
    case CompareOp::kEqual:
      return equals(left, right, runtime_);
    case CompareOp::kNotEqual:
      return !equals(left, right, runtime_);
    case CompareOp::kLess:
      return less(left, right, runtime_);
    case CompareOp::kLessEqual:
      return less_or_equal(left, right);
    case CompareOp::kGreater:
      return less(right, left, runtime_);
    case CompareOp::kGreaterEqual:
      return less_or_equal(right, left);
    case CompareOp::kIn:
      return contains(right, left, runtime_);
    case CompareOp::kNotIn:
      return !contains(right, left, runtime_);
  }
  return false;
}

Value Interpreter::eval(const CompareExpr& expr, const ScopePtr& scope) {
  Value left = evaluate(*expr.first, scope);
  for (const auto& [op, operand] : expr.rest) {
    Value right = evaluate(*operand, scope);
    if (!compare(op, left, right)) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Interpreter::eval(const ConditionalExpr& expr, const ScopePtr& scope) {
  if (truthy(evaluate(*expr.test, scope), runtime_)) return evaluate(*expr.yes, scope);
  if (expr.no != nullptr) return evaluate(*expr.no, scope);
  return Value::undefined(fmt::format(
      "the inline if-expression on line {} evaluated to false and no else section was defined.",
      runtime_.line));
}

Value Interpreter::eval(const AttributeExpr& expr, const ScopePtr& scope) {
  return get_attribute(evaluate(*expr.object, scope), expr.name, runtime_);
}

Value Interpreter::eval(const ItemExpr& expr, const ScopePtr& scope) {
  const Value object = evaluate(*expr.object, scope);
  const Value key = evaluate(*expr.key, scope);
  return get_item(object, key, runtime_);
}

Value Interpreter::eval(const SliceExpr& expr, const ScopePtr& scope) {
  const auto part = [&](const ExprPtr& p) {
    return p == nullptr ? Value(None{}) : evaluate(*p, scope);
  };
  const Value object = evaluate(*expr.object, scope);
  const Value start = part(expr.start);
  const Value stop = part(expr.stop);
  return get_slice(object, start, stop, part(expr.step), runtime_);
}

Arguments Interpreter::evaluate(const CallArguments& arguments, const ScopePtr& scope) {
  Arguments out;
  for (const ExprPtr& value : arguments.positional) {
    out.positional.push_back(evaluate(*value, scope));
  }
  const auto add_keyword = [&](const std::string& name, Value value) {
    runtime_.spend(1 + out.keyword.size() / 8);  // it is compared with all before it
    runtime_.spend_scan(name.size());
    if (out.find_keyword(name) != nullptr) {
      fail(fmt::format("keyword argument '{}' is repeated", name));
    }
    out.keyword.emplace_back(name, std::move(value));
  };
  if (arguments.spread != nullptr) {
    for (Value& item : iterate(evaluate(*arguments.spread, scope), runtime_)) {
      out.positional.push_back(std::move(item));
    }
  }
  for (const auto& [name, value] : arguments.keyword) add_keyword(name, evaluate(*value, scope));
  if (arguments.keyword_spread != nullptr) {
    const Value dict = evaluate(*arguments.keyword_spread, scope);
    if (!dict.is_dict()) fail("the argument after ** must be a mapping");
    runtime_.spend(dict.dict().size());
    for (const auto& [name, value] : dict.dict().entries()) {
      if (!name.is_string()) fail("keywords must be strings");
      add_keyword(name.string(), value);
    }
  }
  return out;
}

Value Interpreter::eval(const CallExpr& expr, const ScopePtr& scope) {
  const Value callee = evaluate(*expr.callee, scope);
  return call(callee, evaluate(expr.arguments, scope), runtime_);
}

Value Interpreter::eval(const FilterExpr& expr, const ScopePtr& scope) {
  Value operand = evaluate(*expr.operand, scope);
  return apply_filter(expr.name, std::move(operand), evaluate(expr.arguments, scope), runtime_);
}

Value Interpreter::filter_text(const Expr& filter, Value text, const ScopePtr& scope) {
  const auto& node = std::get<FilterExpr>(filter.node);
  if (node.operand != nullptr) text = filter_text(*node.operand, std::move(text), scope);
  return apply_filter(node.name, std::move(text), evaluate(node.arguments, scope), runtime_);
}

Value Interpreter::eval(const TestExpr& expr, const ScopePtr& scope) {
  const Value operand = evaluate(*expr.operand, scope);
  return Value(apply_predicate(expr.name, operand, evaluate(expr.arguments, scope), runtime_));
}

}  // namespace lapidary::jinja
