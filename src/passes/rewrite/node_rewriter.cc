#include "passes/rewrite/node_rewriter.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "tensor/expressions.h"

namespace lapidary::passes {

using graph::Graph;
using graph::Node;

namespace {

// Whether both are the same constant. What cannot be read is not.
bool same_value(const tensor::Tensor& a, const tensor::Tensor& b) {
  if (a.type() != b.type()) return false;
  const auto values = a.materialize();
  const auto others = b.materialize();
  return values.ok() && others.ok() && *values == *others;
}

}  // namespace

NodeRewriter::NodeRewriter(Graph graph) : names_(graph), graph_(std::move(graph)) {
  nodes_ = std::exchange(graph_.nodes, {});
}

std::string NodeRewriter::current(const std::string& value) const {
  const auto it = replaced_.find(value);
  return it == replaced_.end() ? value : it->second;
}

void NodeRewriter::keep(Node node) {
  for (std::string& input : node.inputs) input = current(input);
  for (const auto& [key, attribute] : node.opaque) {
    for (const std::string& value : attribute.captures) give_back(value);
    captured_.insert(attribute.captures.begin(), attribute.captures.end());
  }
  for (const std::string& output : node.outputs) producers_[output] = graph_.nodes.size();
  graph_.nodes.push_back(std::move(node));
}

std::string NodeRewriter::op(const std::string& op_type, const std::vector<std::string>& inputs,
                             const std::string& at, graph::Attributes attributes) {
  std::string name = unique(fmt::format("{}/{}", at, op_type));
  keep({"", op_type, name, inputs, {name}, std::move(attributes)});
  return name;
}

std::string NodeRewriter::add_constant(const std::string& name, graph::Tensor value) {
  std::string free = unique(name);
  graph_.initializers.emplace(free, std::move(value));
  return free;
}

std::string NodeRewriter::shared_constant(const std::string& name, const graph::Tensor& value) {
  std::string candidate = name;
  for (int i = 1; names_.taken(candidate); ++i) {
    const tensor::Tensor* there = graph_.constant(candidate);
    if (there != nullptr && same_value(*there, value)) return candidate;
    candidate = fmt::format("{}_{}", name, i);
  }
  return add_constant(candidate, value);
}

std::string NodeRewriter::integers(const std::vector<int64_t>& values) {
  std::string name = "constant.int64";
  for (const int64_t value : values) name += fmt::format("_{}", value);
  return shared_constant(name, tensor::integers({static_cast<int64_t>(values.size())}, values));
}

void NodeRewriter::replace(const std::string& value, const std::string& by) {
  std::string name = current(by);
  if (graph_.is_output(value)) {
    if (!graph_.is_output(name) && producers_.contains(name) && !captured_.contains(name)) {
      rename_output(name, value);
    } else {
      keep({"", "Identity", unique(value + "/Identity"), {name}, {value}, {}});
    }
    name = value;
  }
  for (auto& [from, to] : replaced_) {
    if (to == value) to = name;
  }
  if (value != name) replaced_[value] = name;
}

void NodeRewriter::rename_output(const std::string& from, const std::string& to) {
  for (Node& node : graph_.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), from, to);
    std::replace(node.outputs.begin(), node.outputs.end(), from, to);
  }
  producers_[to] = producers_.at(from);
  producers_.erase(from);
  for (auto& [value, by] : replaced_) {
    if (by == from) by = to;
  }
  replaced_[from] = to;
}

void NodeRewriter::give_back(const std::string& value) {
  const auto it = replaced_.find(value);
  if (it == replaced_.end()) return;
  const std::string by = it->second;
  replaced_.erase(it);
  keep({"", "Identity", unique(value + "/Identity"), {by}, {value}, {}});
}

const Node* NodeRewriter::producer(const std::string& value) const {
  const auto it = producers_.find(value);
  return it == producers_.end() ? nullptr : &graph_.nodes[it->second];
}

std::string NodeRewriter::under(const Node& node) {
  return node.name.substr(0, node.name.rfind('/'));
}

std::string NodeRewriter::unique(const std::string& name) { return names_.fresh(name); }

Graph NodeRewriter::finish() && {
  graph::remove_unused(graph_);
  return std::move(graph_);
}

}  // namespace lapidary::passes
