#include "jinja/interpreter.h"

#include <fmt/core.h>

#include <algorithm>

#include "jinja/loop.h"

namespace lapidary::jinja {
namespace {

class Macro : public Object {
 public:
  Macro(Interpreter& interpreter, std::shared_ptr<const MacroBody> body, ScopePtr closure)
      : interpreter_(interpreter), body_(std::move(body)), closure_(std::move(closure)) {}
  std::string type_name() const override { return "Macro"; }
  bool callable() const override { return true; }
  Value call(Runtime&, Arguments arguments) override {
    return interpreter_.call_macro(*body_, closure_, std::move(arguments));
  }
  std::optional<Value> attribute(Runtime& runtime, const std::string& name) override {
    if (name == "name") return Value(body_->name);
    if (name == "caller") return Value(body_->uses_caller);
    if (name == "catch_kwargs") return Value(body_->uses_kwargs);
    if (name == "catch_varargs") return Value(body_->uses_varargs);
    if (name != "arguments") return std::nullopt;
    runtime.spend_new_items(body_->parameters.size());
    Items names;
    for (const Parameter& parameter : body_->parameters) names.emplace_back(parameter.name);
    return Value::tuple(std::move(names));
  }
  std::string repr(Runtime&) override {
    return fmt::format("<Macro {}>", repr_string(body_->name));
  }

 private:
  Interpreter& interpreter_;
  std::shared_ptr<const MacroBody> body_;
  ScopePtr closure_;
};

}  // namespace

Interpreter::Flow Interpreter::run(const Block& block, const ScopePtr& scope, std::string& out) {
  const DepthGuard guard(runtime_);
  for (const Stmt& stmt : block) {
    runtime_.spend();
    runtime_.line = stmt.line;
    const Flow flow =
        std::visit([&](const auto& node) { return exec(node, scope, out); }, stmt.node);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

void Interpreter::write(std::string_view text, std::string& out) {
  runtime_.spend_append(out.size(), text.size());
  out += text;
}

Interpreter::Flow Interpreter::exec(const DataStmt& stmt, const ScopePtr&, std::string& out) {
  write(stmt.text, out);
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const OutputStmt& stmt, const ScopePtr& scope,
                                    std::string& out) {
  const Value value = evaluate(*stmt.value, scope);
  if (value.is_string()) {
    write(value.string(), out);
  } else {
    write(to_text(value, runtime_), out);
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const IfStmt& stmt, const ScopePtr& scope, std::string& out) {
  for (const auto& [test, body] : stmt.branches) {
    if (truthy(evaluate(*test, scope), runtime_)) return run(body, scope, out);
  }
  return run(stmt.otherwise, scope, out);
}

Interpreter::Flow Interpreter::exec(const ForStmt& stmt, const ScopePtr& scope, std::string& out) {
  const Value iterable = evaluate(*stmt.iterable, scope);
  return run_loop(stmt, iterable, scope, 0, out);
}

bool Interpreter::passes(const ForStmt& loop, const Value& item, const ScopePtr& scope) {
  auto inner = std::make_shared<Scope>(scope);
  assign(loop.target, item, inner);
  return truthy(evaluate(*loop.test, inner), runtime_);
}

Interpreter::Flow Interpreter::run_loop(const ForStmt& stmt, const Value& iterable,
                                        const ScopePtr& scope, int depth, std::string& out) {
  Loop::Test test;
  if (stmt.test != nullptr) {
    test = [this, &stmt, scope](const Value& item) { return passes(stmt, item, scope); };
  }
  Loop::Recurse recurse;
  if (stmt.recursive) {
    recurse = [this, &stmt, scope, depth](Runtime&, const Value& items) {
      std::string text;
      run_loop(stmt, items, scope, depth + 1, text);
      return Value(std::move(text));
    };
  }
  runtime_.spend(4);
  auto loop = std::make_shared<Loop>(iterate(iterable, runtime_), std::move(test),
                                     std::move(recurse), depth);
  const Value loop_value{Value::ObjectPtr(loop)};
  bool ran_to_the_end = false;  // of its body at least once; else the else-block runs (as in Jinja)
  while (loop->advance()) {
    auto inner = std::make_shared<Scope>(scope);
    assign(stmt.target, loop->current(), inner);
    inner->set("loop", loop_value);
    runtime_.spend();
    const Flow flow = run(stmt.body, inner, out);
    if (flow == Flow::kBreak) break;
    ran_to_the_end |= flow == Flow::kNext;
  }
  if (ran_to_the_end || stmt.otherwise.empty()) return Flow::kNext;
  return run(stmt.otherwise, std::make_shared<Scope>(scope), out);
}

Interpreter::Flow Interpreter::exec(const SetStmt& stmt, const ScopePtr& scope, std::string&) {
  const Value value = evaluate(*stmt.value, scope);
  assign(stmt.target, value, scope);
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const SetBlockStmt& stmt, const ScopePtr& scope, std::string&) {
  auto inner = std::make_shared<Scope>(scope);
  std::string text;
  const Flow flow = run(stmt.body, inner, text);
  if (flow != Flow::kNext) return flow;
  Value value(std::move(text));
  if (stmt.filter != nullptr) value = filter_text(*stmt.filter, std::move(value), inner);
  assign(stmt.target, value, scope);
  return Flow::kNext;
}

Value Interpreter::make_macro(std::shared_ptr<const MacroBody> macro, const ScopePtr& scope) {
  if (!std::exchange(scope->captured, true)) runtime_.adopt(scope);
  return Value(std::make_shared<Macro>(*this, std::move(macro), scope));
}

Interpreter::Flow Interpreter::exec(const MacroStmt& stmt, const ScopePtr& scope, std::string&) {
  scope->set(stmt.macro->name, make_macro(stmt.macro, scope));
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const CallBlockStmt& stmt, const ScopePtr& scope,
                                    std::string& out) {
  const auto& call_expr = std::get<CallExpr>(stmt.call->node);
  const Value callee = evaluate(*call_expr.callee, scope);
  Arguments arguments = evaluate(call_expr.arguments, scope);
  arguments.keyword.emplace_back("caller", make_macro(stmt.caller, scope));
  write(to_text(call(callee, std::move(arguments), runtime_), runtime_), out);
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const FilterBlockStmt& stmt, const ScopePtr& scope,
                                    std::string& out) {
  auto inner = std::make_shared<Scope>(scope);
  std::string text;
  const Flow flow = run(stmt.body, inner, text);
  if (flow != Flow::kNext) return flow;
  write(to_text(filter_text(*stmt.filter, Value(std::move(text)), inner), runtime_), out);
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const WithStmt& stmt, const ScopePtr& scope, std::string& out) {
  auto inner = std::make_shared<Scope>(scope);
  for (const auto& [target, value] : stmt.variables) {
    assign(target, evaluate(*value, scope), inner);
  }
  return run(stmt.body, inner, out);
}

Interpreter::Flow Interpreter::exec(const GenerationStmt& stmt, const ScopePtr& scope,
                                    std::string& out) {
  return run(stmt.body, std::make_shared<Scope>(scope), out);
}

void Interpreter::assign(const Target& target, const Value& value, const ScopePtr& scope) {
  switch (target.kind) {
    case Target::Kind::kName:
      scope->set(target.name, value);
      return;
    case Target::Kind::kNamespace: {
      const Value* object = scope->find(target.name);
      auto* space = object == nullptr ? nullptr : object->object_as<Namespace>();
      if (space == nullptr) {
        fail(fmt::format("cannot assign attribute '{}' on '{}', which is not a namespace",
                         target.attribute, target.name));
      }
      space->set(target.attribute, value, runtime_);
      return;
    }
    case Target::Kind::kTuple: {
      if (!iterable(value)) fail(fmt::format("cannot unpack a '{}'", type_name(value)));
      const Items items = iterate(value, runtime_);
      const size_t wanted = target.targets.size();
      if (items.size() < wanted) {
        fail(
            fmt::format("not enough values to unpack (expected {}, got {})", wanted, items.size()));
      }
      if (items.size() > wanted) {
        fail(fmt::format("too many values to unpack (expected {})", wanted));
      }
      for (size_t i = 0; i < wanted; ++i) assign(target.targets[i], items[i], scope);
    }
  }
}

Value Interpreter::call_macro(const MacroBody& macro, const ScopePtr& closure,
                              Arguments arguments) {
  const DepthGuard guard(runtime_);
  const int line = runtime_.line;
  // Each keyword is looked for among the parameters.
  runtime_.spend(arguments.positional.size() +
                 macro.parameters.size() * (4 + arguments.keyword.size() / 8));
  auto scope = std::make_shared<Scope>(closure);
  std::vector<bool> given(macro.parameters.size(), false);
  const size_t positional = std::min(arguments.positional.size(), macro.parameters.size());
  for (size_t i = 0; i < positional; ++i) {
    scope->set(macro.parameters[i].name, arguments.positional[i]);
    given[i] = true;
  }
  Dict extra;
  Value caller = Value::undefined("No caller defined");
  for (auto& [name, value] : arguments.keyword) {
    const auto is_named = [&, &key = name](const Parameter& p) { return p.name == key; };
    const auto it = std::find_if(macro.parameters.begin(), macro.parameters.end(), is_named);
    const auto at = static_cast<size_t>(it - macro.parameters.begin());
    if (it != macro.parameters.end() && !given[at]) {
      scope->set(name, std::move(value));
      given[at] = true;
    } else if (name == "caller" && macro.uses_caller) {
      caller = std::move(value);
    } else {
      if (!macro.uses_kwargs) {
        fail(fmt::format("macro '{}' takes no keyword argument '{}'", macro.name, name));
      }
      extra.set(Value(name), std::move(value), runtime_);
    }
  }
  if (arguments.positional.size() > macro.parameters.size() && !macro.uses_varargs) {
    fail(fmt::format("macro '{}' takes not more than {} argument(s)", macro.name,
                     macro.parameters.size()));
  }
  if (macro.uses_caller) scope->set("caller", std::move(caller));
  if (macro.uses_kwargs) scope->set("kwargs", Value::dict(std::move(extra)));
  if (macro.uses_varargs) {
    const auto begin = arguments.positional.begin() + static_cast<std::ptrdiff_t>(positional);
    scope->set("varargs", Value::tuple(Items(begin, arguments.positional.end())));
  }
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    if (given[i]) continue;
    const Parameter& parameter = macro.parameters[i];
    scope->set(parameter.name, parameter.fallback != nullptr
                                   ? evaluate(*parameter.fallback, scope)
                                   : Value::undefined(fmt::format("parameter '{}' was not provided",
                                                                  parameter.name)));
  }
  std::string out;
  run(macro.body, scope, out);
  runtime_.line = line;
  return Value(std::move(out));
}

}  // namespace lapidary::jinja
