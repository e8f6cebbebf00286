// The syntax tree of a template. Plain data; parser.h makes it, interpreter.h walks it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "jinja/value.h"

namespace lapidary::jinja {

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;
using Block = std::vector<Stmt>;

// --- Expressions ------------------------------------------------------------------------------

struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> keyword;
  ExprPtr spread;          // *args
  ExprPtr keyword_spread;  // **kwargs
};

enum class UnaryOp { kNot, kNegative, kPositive };
enum class BinaryOp { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class CompareOp { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };

struct ConstantExpr {
  Value value;
};
struct NameExpr {
  std::string name;
};
struct ListExpr {
  std::vector<ExprPtr> items;
  bool tuple = false;
};
struct DictExpr {
  std::vector<std::pair<ExprPtr, ExprPtr>> entries;
};
struct UnaryExpr {
  UnaryOp op;
  ExprPtr operand;
};
struct BinaryExpr {
  BinaryOp op;
  ExprPtr left, right;
};
struct LogicExpr {
  bool conjunction;  // `and`; otherwise `or`
  ExprPtr left, right;
};
struct ConcatExpr {
  std::vector<ExprPtr> parts;  // a ~ b ~ c
};
struct CompareExpr {
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;  // a < b < c
};
struct ConditionalExpr {
  ExprPtr test, yes, no;  // no: may be null
};
struct AttributeExpr {
  ExprPtr object;
  std::string name;
};
struct ItemExpr {
  ExprPtr object, key;
};
struct SliceExpr {
  ExprPtr object, start, stop, step;  // all but object may be null
};
struct CallExpr {
  ExprPtr callee;
  CallArguments arguments;
};
struct FilterExpr {
  ExprPtr operand;  // null inside a filter block or a block set: the captured text
  std::string name;
  CallArguments arguments;
};
struct TestExpr {
  ExprPtr operand;
  std::string name;
  CallArguments arguments;
};

struct Expr {
  int line = 0;
  int depth = 1;  // of the tree; the parser bounds it
  std::variant<ConstantExpr, NameExpr, ListExpr, DictExpr, UnaryExpr, BinaryExpr, LogicExpr,
               ConcatExpr, CompareExpr, ConditionalExpr, AttributeExpr, ItemExpr, SliceExpr,
               CallExpr, FilterExpr, TestExpr>
      node;
};

// --- Assignment targets -----------------------------------------------------------------------

struct Target {
  enum class Kind { kName, kNamespace, kTuple } kind = Kind::kName;
  std::string name;
  std::string attribute;        // kNamespace
  std::vector<Target> targets;  // kTuple
};

// --- Statements -------------------------------------------------------------------------------

struct Parameter {
  std::string name;
  ExprPtr fallback;  // null: none
};

// The body of a macro or of a {% call %} block.
struct MacroBody {
  std::string name;
  std::vector<Parameter> parameters;
  Block body;
  bool uses_caller = false;
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

struct DataStmt {
  std::string text;
};
struct OutputStmt {
  ExprPtr value;
};
struct IfStmt {
  std::vector<std::pair<ExprPtr, Block>> branches;
  Block otherwise;
};
struct ForStmt {
  Target target;
  ExprPtr iterable;
  ExprPtr test;  // may be null
  bool recursive = false;
  Block body;
  Block otherwise;
};
struct SetStmt {
  Target target;
  ExprPtr value;
};
struct SetBlockStmt {
  Target target;
  ExprPtr filter;  // may be null
  Block body;
};
struct MacroStmt {
  std::shared_ptr<const MacroBody> macro;
};
struct CallBlockStmt {
  std::shared_ptr<const MacroBody> caller;
  ExprPtr call;
};
struct FilterBlockStmt {
  ExprPtr filter;
  Block body;
};
struct WithStmt {
  std::vector<std::pair<Target, ExprPtr>> variables;
  Block body;
};
struct GenerationStmt {
  Block body;  // marks what the model wrote; renders as it is
};
struct BreakStmt {};
struct ContinueStmt {};

struct Stmt {
  int line = 0;
  std::variant<DataStmt, OutputStmt, IfStmt, ForStmt, SetStmt, SetBlockStmt, MacroStmt,
               CallBlockStmt, FilterBlockStmt, WithStmt, GenerationStmt, BreakStmt, ContinueStmt>
      node;
};

}  // namespace lapidary::jinja
