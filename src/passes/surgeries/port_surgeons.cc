#include "passes/surgeries/port_surgeons.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>

#include "graph/dtype_inference.h"
#include "graph/fixed_shapes.h"
#include "passes/rewrite/value_edges.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueInfo;
using Ports = std::vector<ValueInfo> Graph::*;

bool has_port(const std::vector<ValueInfo>& ports, const std::string& name) {
  return std::any_of(ports.begin(), ports.end(),
                     [&](const ValueInfo& port) { return port.name == name; });
}

Result<PassOutcome> rename_ports(Graph graph, Ports ports, const std::vector<std::string>& from,
                                 const std::vector<std::string>& to) {
  PassOutcome out;
  const std::string kind = ports == &Graph::inputs ? "input" : "output";
  for (size_t i = 0; i < from.size(); ++i) {
    if (!has_port(graph.*ports, from[i])) {
      out.declined.push_back(absent(from[i], "the graph has no such " + kind));
      continue;
    }
    if (from[i] == to[i]) continue;
    const bool in_body = is_value_of_body(graph, to[i]);
    if (in_body || has_value(graph, to[i])) {
      return bad_input(graph.name,
                       fmt::format("{} '{}' cannot become '{}': {} has a value of that name", kind,
                                   from[i], to[i], in_body ? "a body in the graph" : "the graph"),
                       "choose another name");
    }
    LAP_RETURN_IF_ERROR(rename_value(graph, from[i], to[i]));
    ++out.rewritten;
  }
  out.graph = std::move(graph);
  return out;
}

Surgery bind_rename(JsonReader& options, Ports ports) {
  const auto from = options.strings("old_names");
  const auto to = options.strings("new_names");
  if (from.empty() || from.size() != to.size()) {
    options.fail("new_names", fmt::format("has {} names for {} old_names", to.size(), from.size()),
                 "give each of old_names its new name");
  }
  return [=](Graph graph) { return rename_ports(std::move(graph), ports, from, to); };
}

struct DimName {
  Ports ports;
  std::string port_name;  // or else:
  int64_t port = 0;
  int64_t dim = 0;
  std::string name;
};

Result<PassOutcome> rename_dim(Graph graph, const DimName& wanted) {
  std::vector<ValueInfo>& ports = graph.*wanted.ports;
  auto port = ports.end();
  if (!wanted.port_name.empty()) {
    port = std::find_if(ports.begin(), ports.end(),
                        [&](const ValueInfo& each) { return each.name == wanted.port_name; });
  } else if (wanted.port < static_cast<int64_t>(ports.size())) {
    port = ports.begin() + wanted.port;
  }
  const std::string kind = wanted.ports == &Graph::inputs ? "input" : "output";
  if (port == ports.end()) {
    return bad_input(graph.name,
                     wanted.port_name.empty()
                         ? fmt::format("has no {} number {}", kind, wanted.port)
                         : fmt::format("has no {} '{}'", kind, wanted.port_name),
                     fmt::format("it has {}", ports.size()));
  }
  if (wanted.dim >= static_cast<int64_t>(port->shape.size())) {
    return bad_input(graph.name, fmt::format("{} '{}' {} has no dim {}", kind, port->name,
                                             graph::to_string(port->shape), wanted.dim));
  }
  port->shape[static_cast<size_t>(wanted.dim)] = wanted.name;
  return PassOutcome{std::move(graph), 1, {}};
}

Surgery bind_rename_dim(JsonReader& options, Ports ports, const char* by_name,
                        const char* by_index) {
  DimName out{ports, "", 0, 0, ""};
  if (by_name != nullptr) out.port_name = options.string_or(by_name, "");
  out.port = options.integer_or(by_index, -1, {.min = -1});
  if (out.port_name.empty() && out.port < 0) {
    options.fail(by_index, "is missing", "say which port is meant");
  }
  out.dim = options.integer("dim_idx", {.min = 0});
  out.name = options.string("dim_name");
  return [out](Graph graph) { return rename_dim(std::move(graph), out); };
}

Result<PassOutcome> reorder(Graph graph, const std::vector<int64_t>& permutation) {
  std::vector<int64_t> sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  bool fits = sorted.size() == graph.inputs.size();
  for (size_t i = 0; i < sorted.size(); ++i) fits = fits && sorted[i] == static_cast<int64_t>(i);
  if (!fits) {
    return bad_input(graph.name,
                     fmt::format("'permutation' is no order of its {} inputs", graph.inputs.size()),
                     "name each index once, from 0");
  }
  std::vector<ValueInfo> inputs;
  inputs.reserve(permutation.size());
  for (const int64_t i : permutation) inputs.push_back(graph.inputs[static_cast<size_t>(i)]);
  graph.inputs = std::move(inputs);
  return PassOutcome{std::move(graph), 1, {}};
}

Result<PassOutcome> remove_inputs(Graph graph, const std::vector<std::string>& names) {
  PassOutcome out;
  for (const std::string& name : names) {
    const auto readers = readers_of(graph, name);
    if (!graph.is_input(name)) {
      out.declined.push_back(absent(name, "the graph has no such input"));
    } else if (graph.is_output(name) || !readers.empty()) {
      out.declined.push_back({name, readers.empty()
                                        ? "it is an output too"
                                        : fmt::format("'{}' reads it", readers[0]->name)});
    } else {
      std::erase_if(graph.inputs, [&](const ValueInfo& input) { return input.name == name; });
      graph.initializers.erase(name);
      ++out.rewritten;
    }
  }
  out.graph = std::move(graph);
  return out;
}

// What is known of a value: a dtype that is not known, and with it the shape, is left to readers.
ValueInfo described(const Graph& graph, const std::string& value) {
  ValueInfo out{value, DType::kUndefined, {}};
  const auto dtypes = graph::infer_dtypes(graph);
  const auto shapes = graph::infer_shapes(graph);
  if (!dtypes.ok() || !shapes.ok()) return out;
  const auto dtype = dtypes->find(value);
  const auto shape = shapes->shapes.find(value);
  if (dtype == dtypes->end() || shape == shapes->shapes.end()) return out;
  out.dtype = dtype->second;
  out.shape.assign(shape->second.begin(), shape->second.end());
  return out;
}

Result<PassOutcome> expose_outputs(Graph graph, const std::vector<std::string>& names) {
  PassOutcome out;
  for (const std::string& name : names) {
    const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                   [&](const Node& each) { return each.name == name; });
    if (node == graph.nodes.end()) {
      out.declined.push_back(absent(name, "the graph has no such node"));
    } else if (node->outputs.empty() || graph.is_output(node->outputs[0])) {
      out.declined.push_back({name, "what it makes is an output already"});
    } else {
      graph.outputs.push_back(described(graph, node->outputs[0]));
      ++out.rewritten;
    }
  }
  out.graph = std::move(graph);
  return out;
}

}  // namespace

Surgery bind_rename_inputs(JsonReader& options) { return bind_rename(options, &Graph::inputs); }
Surgery bind_rename_outputs(JsonReader& options) { return bind_rename(options, &Graph::outputs); }

Surgery bind_rename_input_dims(JsonReader& options) {
  return bind_rename_dim(options, &Graph::inputs, "input_name", "input_idx");
}
Surgery bind_rename_output_dims(JsonReader& options) {
  return bind_rename_dim(options, &Graph::outputs, nullptr, "output_idx");
}

Surgery bind_reorder_inputs(JsonReader& options) {
  const auto permutation = options.integers("permutation", {.min = 0});
  return [permutation](Graph graph) { return reorder(std::move(graph), permutation); };
}

Surgery bind_remove_inputs(JsonReader& options) {
  const auto names = options.strings("names");
  return [names](Graph graph) { return remove_inputs(std::move(graph), names); };
}

Surgery bind_expose_outputs(JsonReader& options) {
  const auto names = options.strings("names");
  return [names](Graph graph) { return expose_outputs(std::move(graph), names); };
}

PassOutcome remove_initializer_from_inputs(Graph graph) {
  PassOutcome out;
  out.rewritten = static_cast<int64_t>(std::erase_if(graph.inputs, [&](const ValueInfo& input) {
    return graph.initializers.contains(input.name);
  }));
  out.graph = std::move(graph);
  return out;
}

}  // namespace lapidary::passes
