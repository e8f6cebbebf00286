#include "graph/dtype_inference.h"

#include <fmt/core.h>

#include <vector>

#include "graph/dtype_rule_list.h"
#include "graph/operators.h"

namespace lapidary::graph {
namespace dtype_rules {

DType cast_target(const Node& node, const std::vector<DType>& /*inputs*/, size_t /*output*/) {
  return static_cast<DType>(node.int_attribute("to", 0));
}

DType filled_value(const Node& node, const std::vector<DType>& /*inputs*/, size_t /*output*/) {
  const auto it = node.attributes.find("value");
  if (it == node.attributes.end()) return DType::kFloat;
  const auto* value = std::get_if<Tensor>(&it->second);
  return value == nullptr ? DType::kUndefined : value->dtype();
}

DType constant_value(const Node& node, const std::vector<DType>& inputs, size_t output) {
  const auto has = [&](const char* key) { return node.attributes.contains(key); };
  if (has("value_int") || has("value_ints")) return DType::kInt64;
  if (has("value_string") || has("value_strings")) return DType::kString;
  return filled_value(node, inputs, output);
}

DType values_then_indices(const Node& node, const std::vector<DType>& inputs, size_t output) {
  return output == 0 ? of_input<0>(node, inputs, output) : DType::kInt64;
}

DType quantized(const Node& node, const std::vector<DType>& inputs, size_t /*output*/) {
  if (inputs.size() > 2 && inputs[2] != DType::kUndefined) return inputs[2];
  return static_cast<DType>(
      node.int_attribute("output_dtype", static_cast<int64_t>(DType::kUint8)));
}

}  // namespace dtype_rules

Result<DTypes> infer_dtypes(const Graph& graph) {
  DTypes out;
  for (const auto& [name, tensor] : graph.initializers) out[name] = tensor.dtype();
  for (const ValueInfo& input : graph.inputs) out[input.name] = input.dtype;
  for (const Node& node : graph.nodes) {
    const Operator* op = find_operator(node);
    if (op == nullptr) {
      return unsupported(fmt::format("{}: node '{}'", graph.name, node.name),
                         fmt::format("the dtype that {} yields is not known", node.qualified_op()),
                         "add its row to graph/operators.cc");
    }
    std::vector<DType> inputs;
    for (const std::string& input : node.inputs) {
      const auto it = out.find(input);
      inputs.push_back(it == out.end() ? DType::kUndefined : it->second);
    }
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      if (!node.outputs[k].empty()) out[node.outputs[k]] = op->dtype(node, inputs, k);
    }
  }
  return out;
}

}  // namespace lapidary::graph
