// Walks the syntax tree of one template for one rendering.
#pragma once

#include <memory>
#include <string>

#include "jinja/ast.h"
#include "jinja/scope.h"

namespace lapidary::jinja {

using ScopePtr = std::shared_ptr<Scope>;

class Interpreter {
 public:
  // How a statement ends: onwards, or by leaving or going on with the loop around it.
  enum class Flow { kNext, kBreak, kContinue };

  explicit Interpreter(Runtime& runtime) : runtime_(runtime) {}

  Flow run(const Block& block, const ScopePtr& scope, std::string& out);
  Value evaluate(const Expr& expr, const ScopePtr& scope);

  // One call of a macro (or of a call block's body) whose definition saw `closure`.
  Value call_macro(const MacroBody& macro, const ScopePtr& closure, Arguments arguments);
  // The loop over `items`; `depth` counts recursive calls of loop().
  Flow run_loop(const ForStmt& stmt, const Value& iterable, const ScopePtr& scope, int depth,
                std::string& out);
  // The test of `for ... if test` for one item.
  bool passes(const ForStmt& loop, const Value& item, const ScopePtr& scope);

  Runtime& runtime() { return runtime_; }

 private:
  Flow exec(const DataStmt& stmt, const ScopePtr& scope, std::string& out);
  Flow exec(const OutputStmt& stmt, const ScopePtr& scope, std::string& out);
  Flow exec(const IfStmt& stmt, const ScopePtr& scope, std::string& out);
  Flow exec(const ForStmt& stmt, const ScopePtr& scope, std::string& out);
  Flow exec(const SetStmt& stmt, const ScopePtr& scope, std::string& out);
  Flow exec(const SetBlockStmt& stmt, const ScopePtr& scope, std::string& out);
  Flow exec(const MacroStmt& stmt, const ScopePtr& scope, std::string& out);
  Flow exec(const CallBlockStmt& stmt, const ScopePtr& scope, std::string& out);
  Flow exec(const FilterBlockStmt& stmt, const ScopePtr& scope, std::string& out);
  Flow exec(const WithStmt& stmt, const ScopePtr& scope, std::string& out);
  Flow exec(const GenerationStmt& stmt, const ScopePtr& scope, std::string& out);
  Flow exec(const BreakStmt&, const ScopePtr&, std::string&) { return Flow::kBreak; }
  Flow exec(const ContinueStmt&, const ScopePtr&, std::string&) { return Flow::kContinue; }

  Value eval(const ConstantExpr& expr, const ScopePtr& scope);
  Value eval(const NameExpr& expr, const ScopePtr& scope);
  Value eval(const ListExpr& expr, const ScopePtr& scope);
  Value eval(const DictExpr& expr, const ScopePtr& scope);
  Value eval(const UnaryExpr& expr, const ScopePtr& scope);
  Value eval(const BinaryExpr& expr, const ScopePtr& scope);
  Value eval(const LogicExpr& expr, const ScopePtr& scope);
  Value eval(const ConcatExpr& expr, const ScopePtr& scope);
  Value eval(const CompareExpr& expr, const ScopePtr& scope);
  Value eval(const ConditionalExpr& expr, const ScopePtr& scope);
  Value eval(const AttributeExpr& expr, const ScopePtr& scope);
  Value eval(const ItemExpr& expr, const ScopePtr& scope);
  Value eval(const SliceExpr& expr, const ScopePtr& scope);
  Value eval(const CallExpr& expr, const ScopePtr& scope);
  Value eval(const FilterExpr& expr, const ScopePtr& scope);
  Value eval(const TestExpr& expr, const ScopePtr& scope);

  bool compare(CompareOp op, const Value& left, const Value& right);
  Arguments evaluate(const CallArguments& arguments, const ScopePtr& scope);
  // A chain of filters without an operand, applied to captured text.
  Value filter_text(const Expr& filter, Value text, const ScopePtr& scope);
  void assign(const Target& target, const Value& value, const ScopePtr& scope);
  void write(std::string_view text, std::string& out);
  Value make_macro(std::shared_ptr<const MacroBody> macro, const ScopePtr& scope);

  Runtime& runtime_;
};

}  // namespace lapidary::jinja
