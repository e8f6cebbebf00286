// Variables of one block, seen through to the blocks around it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "jinja/value.h"

namespace lapidary::jinja {

class Scope {
 public:
  explicit Scope(std::shared_ptr<Scope> parent) : parent_(std::move(parent)) {}

  void set(const std::string& name, Value value) { variables_[name] = std::move(value); }
  const Value* find(const std::string& name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent_.get()) {
      auto it = scope->variables_.find(name);
      if (it != scope->variables_.end()) return &it->second;
    }
    return nullptr;
  }
  // Drops the variables, to break circles when a rendering ends.
  void clear() { variables_.clear(); }
  bool captured = false;  // a macro holds it; see Runtime::adopt

 private:
  std::shared_ptr<Scope> parent_;
  std::map<std::string, Value> variables_;
};

}  // namespace lapidary::jinja
