#include "graph/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace lapidary::graph {

std::string to_string(const SymbolicShape& shape) {
  std::vector<std::string> dims;
  for (const Dim& dim : shape) {
    dims.push_back(std::visit([](const auto& size) { return fmt::format("{}", size); }, dim));
  }
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

std::string Node::qualified_op() const {
  return domain.empty() ? op_type : domain + "::" + op_type;
}

int64_t Node::int_attribute(const std::string& key, int64_t fallback) const {
  const auto it = attributes.find(key);
  if (it == attributes.end()) return fallback;
  const auto* value = std::get_if<int64_t>(&it->second);
  return value == nullptr ? fallback : *value;
}

float Node::float_attribute(const std::string& key, float fallback) const {
  const auto it = attributes.find(key);
  const float* value = it == attributes.end() ? nullptr : std::get_if<float>(&it->second);
  return value == nullptr ? fallback : *value;
}

std::string Node::input(size_t index) const { return index < inputs.size() ? inputs[index] : ""; }

std::vector<std::string> Node::reads() const {
  std::vector<std::string> out;
  for (const std::string& input : inputs) {
    if (!input.empty()) out.push_back(input);
  }
  for (const auto& [key, attribute] : opaque) {
    out.insert(out.end(), attribute.captures.begin(), attribute.captures.end());
  }
  return out;
}

namespace {
bool contains(const std::vector<ValueInfo>& values, const std::string& name) {
  return std::any_of(values.begin(), values.end(),
                     [&](const ValueInfo& v) { return v.name == name; });
}
}  // namespace

bool Graph::is_input(const std::string& value) const { return contains(inputs, value); }
bool Graph::is_output(const std::string& value) const { return contains(outputs, value); }

const Tensor* Graph::constant(const std::string& value) const {
  const auto it = initializers.find(value);
  if (it == initializers.end() || is_input(value)) return nullptr;
  return &it->second;
}

Status check(const Graph& graph) {
  std::set<std::string> known;
  for (const ValueInfo& input : graph.inputs) {
    if (!known.insert(input.name).second) {
      return internal_error(graph.name, fmt::format("input '{}' is declared twice", input.name));
    }
  }
  for (const auto& [name, tensor] : graph.initializers) {
    if (!tensor.valid()) {
      return internal_error(graph.name, fmt::format("initializer '{}' is empty", name));
    }
    known.insert(name);
  }
  std::set<std::string> node_names;
  for (const Node& node : graph.nodes) {
    if (!node_names.insert(node.name).second) {
      return internal_error(graph.name, fmt::format("two nodes are named '{}'", node.name));
    }
    for (const std::string& input : node.inputs) {
      if (!input.empty() && !known.contains(input)) {
        return internal_error(graph.name,
                              fmt::format("node '{}' reads '{}', which nothing before it produces",
                                          node.name, input));
      }
    }
    for (const auto& [key, attribute] : node.opaque) {
      for (const std::string& value : attribute.captures) {
        if (!known.contains(value)) {
          return internal_error(
              graph.name,
              fmt::format("the body '{}' of node '{}' reads '{}', which nothing before it produces",
                          key, node.name, value));
        }
      }
    }
    for (const std::string& output : node.outputs) {
      if (!output.empty() && !known.insert(output).second) {
        return internal_error(graph.name, fmt::format("value '{}' is produced twice", output));
      }
    }
  }
  for (const ValueInfo& output : graph.outputs) {
    if (!known.contains(output.name)) {
      return internal_error(graph.name, fmt::format("output '{}' is never produced", output.name));
    }
  }
  return {};
}

size_t remove_unused(Graph& graph) {
  std::set<std::string> wanted;
  for (const ValueInfo& output : graph.outputs) wanted.insert(output.name);
  std::vector<Node> kept;
  for (auto it = graph.nodes.rbegin(); it != graph.nodes.rend(); ++it) {
    const bool used = std::any_of(it->outputs.begin(), it->outputs.end(), [&](const auto& output) {
      return !output.empty() && wanted.contains(output);
    });
    if (!used) continue;
    for (std::string& value : it->reads()) wanted.insert(std::move(value));
    kept.push_back(std::move(*it));
  }
  const size_t removed = graph.nodes.size() - kept.size();
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
  std::erase_if(graph.initializers, [&](const auto& entry) {
    return !wanted.contains(entry.first) && !graph.is_input(entry.first);
  });
  return removed;
}

std::string print(const Graph& graph) {
  const auto join = [](std::vector<std::string> names) {
    for (std::string& name : names) {
      if (name.empty()) name = "_";
    }
    return fmt::format("{}", fmt::join(names, ", "));
  };
  std::string out = fmt::format("graph {}\n", graph.name);
  for (const ValueInfo& v : graph.inputs) {
    out += fmt::format("  input  {} {}{}\n", v.name, name_of(v.dtype), to_string(v.shape));
  }
  for (const auto& [name, tensor] : graph.initializers) {
    out += fmt::format("  weight {} {}{} = {}\n", name, name_of(tensor.dtype()),
                       tensor::to_string(tensor.shape()), tensor.describe());
  }
  for (const Node& node : graph.nodes) {
    out += fmt::format("  {} = {}({})", join(node.outputs), node.qualified_op(), join(node.inputs));
    for (const auto& [key, value] : node.attributes) {
      out += " " + key;
      if (const auto* i = std::get_if<int64_t>(&value)) out += fmt::format("={}", *i);
      if (const auto* f = std::get_if<float>(&value)) out += fmt::format("={:f}", *f);
      if (const auto* s = std::get_if<std::string>(&value)) out += "=" + *s;
    }
    for (const auto& [key, attribute] : node.opaque) out += " " + key;
    out += fmt::format("  # {}\n", node.name);
  }
  for (const ValueInfo& v : graph.outputs) {
    out += fmt::format("  output {} {}{}\n", v.name, name_of(v.dtype), to_string(v.shape));
  }
  return out;
}

}  // namespace lapidary::graph
