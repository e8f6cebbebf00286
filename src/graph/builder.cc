#include "graph/builder.h"

#include <fmt/core.h>

#include <cassert>

#include "tensor/expressions.h"

namespace lapidary::graph {

Builder::Builder(std::string graph_name, int64_t opset) {
  graph_.name = std::move(graph_name);
  graph_.opsets[""] = opset;
}

std::string Builder::qualified(const std::string& name) const {
  if (path_.empty()) return name;
  return name.empty() ? path_ : path_ + "." + name;
}

std::string Builder::unique(const std::string& name) {
  if (names_.insert(name).second) return name;
  std::string candidate;
  do {
    candidate = fmt::format("{}_{}", name, ++counters_[name]);
  } while (!names_.insert(candidate).second);
  return candidate;
}

Builder::Scope Builder::enter(const std::string& path) {
  std::string saved = path_;
  path_ = qualified(path);
  return {*this, std::move(saved)};
}

Ref Builder::input(const std::string& name, DType dtype, SymbolicShape shape) {
  assert(!names_.contains(name));
  names_.insert(name);
  graph_.inputs.push_back({name, dtype, std::move(shape)});
  return {name};
}

Ref Builder::optional_input(const std::string& name, SymbolicShape shape, Tensor fallback) {
  Ref ref = input(name, fallback.dtype(), std::move(shape));
  graph_.initializers[name] = std::move(fallback);
  return ref;
}

Ref Builder::weight(const std::string& name, Tensor tensor) {
  const std::string full = qualified(name);
  assert(!graph_.initializers.contains(full));
  graph_.initializers.emplace(full, std::move(tensor));
  names_.insert(full);
  return {full};
}

Ref Builder::shared_constant(const std::string& name, const Tensor& tensor) {
  if (graph_.initializers.try_emplace(name, tensor).second) names_.insert(name);
  return {name};
}

Ref Builder::constant(const std::vector<int64_t>& values) {
  std::string name = "constant.int64";
  for (const int64_t value : values) name += fmt::format("_{}", value);
  const auto count = static_cast<int64_t>(values.size());
  return shared_constant(name, tensor::integers({count}, values));
}

Ref Builder::constant_scalar(int64_t value) {
  return shared_constant(fmt::format("constant.int64_scalar_{}", value), tensor::scalar(value));
}

Ref Builder::constant_scalar(float value) {
  const Tensor tensor = tensor::scalar(value);
  // Two floats may print alike; the literal's description holds their bits.
  std::string bits = tensor.describe();
  bits = bits.substr(bits.find('{') + 1);
  bits.pop_back();
  return shared_constant(fmt::format("constant.float_{:f}_{}", value, bits), tensor);
}

std::vector<Ref> Builder::multi_op(const std::string& domain, const std::string& op_type,
                                   const std::vector<Ref>& inputs, size_t outputs,
                                   const std::string& at, Attributes attributes) {
  const std::string where = qualified(at);
  Node node;
  node.domain = domain;
  node.op_type = op_type;
  node.name = unique(where.empty() ? op_type : where + "/" + op_type);
  for (const Ref& input : inputs) node.inputs.push_back(input.name);
  while (!node.inputs.empty() && node.inputs.back().empty()) node.inputs.pop_back();
  std::vector<Ref> refs;
  for (size_t i = 0; i < outputs; ++i) {
    refs.push_back({i == 0 ? node.name : unique(fmt::format("{}:{}", node.name, i))});
    node.outputs.push_back(refs.back().name);
  }
  node.attributes = std::move(attributes);
  if (!domain.empty()) graph_.opsets.try_emplace(domain, 1);
  graph_.nodes.push_back(std::move(node));
  return refs;
}

Ref Builder::op(const std::string& op_type, const std::vector<Ref>& inputs, const std::string& at,
                Attributes attributes) {
  return multi_op("", op_type, inputs, 1, at, std::move(attributes)).front();
}

Ref Builder::microsoft_op(const std::string& op_type, const std::vector<Ref>& inputs,
                          const std::string& at, Attributes attributes) {
  return multi_op(kMicrosoftDomain, op_type, inputs, 1, at, std::move(attributes)).front();
}

void Builder::output(const std::string& name, const Ref& value, DType dtype, SymbolicShape shape) {
  for (Node& node : graph_.nodes) {
    for (std::string& input : node.inputs) {
      if (input == value.name) input = name;
    }
    for (std::string& out : node.outputs) {
      if (out == value.name) out = name;
    }
  }
  names_.insert(name);
  graph_.outputs.push_back({name, dtype, std::move(shape)});
}

Graph Builder::finish() && { return std::move(graph_); }

}  // namespace lapidary::graph
