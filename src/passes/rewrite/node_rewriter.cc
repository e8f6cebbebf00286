#include "passes/rewrite/node_rewriter.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "tensor/expressions.h"

namespace lapidary::passes {

using graph::Graph;
using graph::Node;

NodeRewriter::NodeRewriter(Graph graph) : graph_(std::move(graph)) {
  nodes_ = std::exchange(graph_.nodes, {});
  for (const Node& node : nodes_) {
    names_.insert(node.name);
    names_.insert(node.outputs.begin(), node.outputs.end());
  }
  for (const auto& input : graph_.inputs) names_.insert(input.name);
  for (const auto& [name, tensor] : graph_.initializers) names_.insert(name);
}

std::string NodeRewriter::current(const std::string& value) const {
  const auto it = replaced_.find(value);
  return it == replaced_.end() ? value : it->second;
}

void NodeRewriter::keep(Node node) {
  for (std::string& input : node.inputs) input = current(input);
  for (const auto& [key, attribute] : node.opaque) {
    for (const std::string& value : attribute.captures) give_back(value);
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

std::string NodeRewriter::integers(const std::vector<int64_t>& values) {
  std::string name = "constant.int64";
  for (const int64_t value : values) name += fmt::format("_{}", value);
  graph_.initializers.try_emplace(name,
                                  tensor::integers({static_cast<int64_t>(values.size())}, values));
  names_.insert(name);
  return name;
}

void NodeRewriter::replace(const std::string& value, const std::string& by) {
  std::string name = current(by);
  if (graph_.is_output(value)) {
    if (!graph_.is_output(name) && producers_.contains(name)) {
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

std::string NodeRewriter::unique(const std::string& name) {
  if (names_.insert(name).second) return name;
  for (int i = 1;; ++i) {
    std::string candidate = fmt::format("{}_{}", name, i);
    if (names_.insert(candidate).second) return candidate;
  }
}

Graph NodeRewriter::finish() && {
  graph::remove_unused(graph_);
  return std::move(graph_);
}

}  // namespace lapidary::passes
