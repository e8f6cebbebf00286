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
  if (node.opaque.contains("value")) return DType::kUndefined;
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

namespace {

// What an attribute names; `fallback` without it.
DType named_dtype(const Node& node, const char* attribute, DType fallback) {
  return static_cast<DType>(node.int_attribute(attribute, static_cast<int64_t>(fallback)));
}

}  // namespace

DType dtype_or_first(const Node& node, const std::vector<DType>& inputs, size_t output) {
  return named_dtype(node, "dtype", of_input<0>(node, inputs, output));
}

DType dtype_or_float(const Node& node, const std::vector<DType>& /*inputs*/, size_t /*output*/) {
  return named_dtype(node, "dtype", DType::kFloat);
}

DType dtype_or_int32(const Node& node, const std::vector<DType>& /*inputs*/, size_t /*output*/) {
  return named_dtype(node, "dtype", DType::kInt32);
}

DType output_datatype(const Node& node, const std::vector<DType>& /*inputs*/, size_t /*output*/) {
  return named_dtype(node, "output_datatype", DType::kFloat);
}

DType normalized(const Node& node, const std::vector<DType>& inputs, size_t output) {
  return output == 0 ? of_input<0>(node, inputs, output)
                     : named_dtype(node, "stash_type", DType::kFloat);
}

DType values_then_mask(const Node& node, const std::vector<DType>& inputs, size_t output) {
  return output == 0 ? of_input<0>(node, inputs, output) : DType::kBool;
}

DType values_then_statistics(const Node& node, const std::vector<DType>& inputs, size_t output) {
  return output == 0 ? of_input<0>(node, inputs, output) : of_input<3>(node, inputs, output);
}

DType codes_and_scale(const Node& /*node*/, const std::vector<DType>& /*inputs*/, size_t output) {
  return output == 1 ? DType::kFloat : DType::kUint8;
}

DType words_and_counts(const Node& /*node*/, const std::vector<DType>& /*inputs*/, size_t output) {
  return output == 0 ? DType::kString : DType::kInt64;
}

DType values_then_indices(const Node& node, const std::vector<DType>& inputs, size_t output) {
  return output == 0 ? of_input<0>(node, inputs, output) : DType::kInt64;
}

DType dequantized(const Node& node, const std::vector<DType>& inputs, size_t output) {
  const auto asked = named_dtype(node, "output_dtype", DType::kUndefined);
  return asked != DType::kUndefined ? asked : of_input<1>(node, inputs, output);
}

DType quantized(const Node& node, const std::vector<DType>& inputs, size_t /*output*/) {
  if (inputs.size() > 2 && inputs[2] != DType::kUndefined) return inputs[2];
  return static_cast<DType>(
      node.int_attribute("output_dtype", static_cast<int64_t>(DType::kUint8)));
}

}  // namespace dtype_rules

namespace {

DTypes given_dtypes(const Graph& graph) {
  DTypes out;
  for (const auto& [name, tensor] : graph.initializers) out[name] = tensor.dtype();
  for (const ValueInfo& input : graph.inputs) out[input.name] = input.dtype;
  return out;
}

std::vector<DType> input_dtypes(const Node& node, const DTypes& known) {
  std::vector<DType> out;
  for (const std::string& input : node.inputs) {
    const auto it = known.find(input);
    out.push_back(it == known.end() ? DType::kUndefined : it->second);
  }
  return out;
}

// What the body of an If, Loop or Scan yields; a Loop's first value is its condition.
DType of_body(const Node& node, size_t output) {
  const bool loops = node.op_type == "Loop";
  const auto it = node.opaque.find(node.op_type == "If" ? "then_branch" : "body");
  if (!node.domain.empty() || it == node.opaque.end()) return DType::kUndefined;
  const size_t index = loops ? output + 1 : output;
  return index < it->second.yields.size() ? it->second.yields[index] : DType::kUndefined;
}

}  // namespace

Result<DTypes> infer_dtypes(const Graph& graph) {
  DTypes out = given_dtypes(graph);
  for (const Node& node : graph.nodes) {
    const Operator* op = find_operator(node);
    if (op == nullptr) {
      return unsupported(fmt::format("{}: node '{}'", graph.name, node.name),
                         fmt::format("the dtype that {} yields is not known", node.qualified_op()),
                         "export the model without that operator, or leave out the step that "
                         "needs to know");
    }
    const std::vector<DType> inputs = input_dtypes(node, out);
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      if (!node.outputs[k].empty()) out[node.outputs[k]] = op->dtype(node, inputs, k);
    }
  }
  return out;
}

DTypes known_dtypes(const Graph& graph) {
  DTypes out = given_dtypes(graph);
  for (const ValueInfo& output : graph.outputs) out.try_emplace(output.name, output.dtype);
  for (const Node& node : graph.nodes) {
    const Operator* op = find_operator(node);
    const std::vector<DType> inputs = input_dtypes(node, out);
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      const DType dtype = op == nullptr ? of_body(node, k) : op->dtype(node, inputs, k);
      if (dtype != DType::kUndefined) out[node.outputs[k]] = dtype;
    }
  }
  std::erase_if(out, [](const auto& entry) {
    return entry.first.empty() || entry.second == DType::kUndefined;
  });
  return out;
}

}  // namespace lapidary::graph
