#include "graph/node_ranges.h"

#include <algorithm>
#include <cstddef>

namespace lapidary::graph {

NodeRanges::NodeRanges(const Graph& graph) : graph_(graph) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (only_constants_reach(node)) {
      for (const std::string& output : node.outputs) made_of_constants_[output] = i;
      continue;
    }
    for (const std::string& input : node.reads()) last_read_[input] = i;
  }
}

bool NodeRanges::is_constant_value(const std::string& value) const {
  return graph_.initializers.contains(value) || made_of_constants_.contains(value);
}

bool NodeRanges::only_constants_reach(const Node& node) const {
  for (const std::string& output : node.outputs) {
    if (graph_.is_output(output)) return false;
  }
  const std::vector<std::string> inputs = node.reads();
  if (inputs.empty()) return node.qualified_op() == "Constant";
  return std::all_of(inputs.begin(), inputs.end(),
                     [this](const std::string& input) { return is_constant_value(input); });
}

bool NodeRanges::is_constant(size_t node) const {
  const auto& outputs = graph_.nodes[node].outputs;
  return !outputs.empty() && made_of_constants_.contains(outputs.front());
}

bool NodeRanges::is_needed_from(const std::string& value, size_t begin) const {
  const auto found = last_read_.find(value);
  return graph_.is_output(value) || (found != last_read_.end() && found->second >= begin);
}

std::vector<size_t> NodeRanges::crossing_values() const {
  const size_t count = graph_.nodes.size();
  std::vector<std::ptrdiff_t> changes(count + 2, 0);
  for (size_t i = 0; i < count; ++i) {
    if (is_constant(i)) continue;
    for (const std::string& value : graph_.nodes[i].outputs) {
      const auto read = last_read_.find(value);
      const size_t last = graph_.is_output(value)    ? count
                          : read != last_read_.end() ? read->second
                                                     : i;
      ++changes[i + 1];
      --changes[last + 1];
    }
  }
  std::vector<size_t> out(count + 1);
  std::ptrdiff_t now = 0;
  for (size_t i = 0; i <= count; ++i) out[i] = static_cast<size_t>(now += changes[i]);
  return out;
}

// The node and what it reads that only constants reach.
void NodeRanges::add_with_constants(size_t node, std::set<size_t>& members) const {
  if (!members.insert(node).second) return;
  for (const std::string& input : graph_.nodes[node].reads()) {
    const auto found = made_of_constants_.find(input);
    if (found != made_of_constants_.end()) add_with_constants(found->second, members);
  }
}

std::set<std::string> NodeRanges::constants(size_t node) const {
  std::set<size_t> members;
  add_with_constants(node, members);
  std::set<std::string> names;
  for (const size_t member : members) {
    for (const std::string& input : graph_.nodes[member].reads()) {
      if (graph_.initializers.contains(input)) names.insert(input);
    }
  }
  return names;
}

int64_t NodeRanges::constant_bytes(size_t node) const {
  int64_t bytes = 0;
  for (const std::string& name : constants(node)) {
    bytes += graph_.initializers.at(name).type().bytes();
  }
  return bytes;
}

Graph NodeRanges::cut(size_t begin, size_t end, const Declare& declare, const Choice& also) const {
  std::set<size_t> members;
  for (size_t i = begin; i < end; ++i) {
    if (!is_constant(i)) add_with_constants(i, members);
  }
  Graph out;
  out.name = graph_.name;
  out.opsets = graph_.opsets;
  out.functions = graph_.functions;
  out.ir_version = graph_.ir_version;
  std::set<std::string> made;
  std::set<std::string> fed;
  for (const size_t member : members) {
    const Node& node = graph_.nodes[member];
    out.nodes.push_back(node);
    for (const std::string& value : node.reads()) {
      const auto constant = graph_.initializers.find(value);
      if (constant != graph_.initializers.end()) {
        out.initializers.insert(*constant);
      } else if (!made.contains(value) && fed.insert(value).second) {
        out.inputs.push_back(declare(value));
      }
    }
    for (const std::string& value : node.outputs) {
      if (value.empty()) continue;
      made.insert(value);
      const bool needed = !made_of_constants_.contains(value) && is_needed_from(value, end);
      if ((also && also(value)) || needed) out.outputs.push_back({value, DType::kUndefined, {}});
    }
  }
  return out;
}

}  // namespace lapidary::graph
