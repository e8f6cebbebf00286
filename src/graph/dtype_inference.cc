#include "graph/dtype_inference.h"

#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace lapidary::graph {
namespace {

// The dtype of output k of a node, given those of its inputs.
using Rule = std::function<DType(const Node&, const std::vector<DType>& inputs, size_t output)>;

DType input_or_undefined(const std::vector<DType>& inputs, size_t i) {
  return i < inputs.size() ? inputs[i] : DType::kUndefined;
}

Rule same_as_input(size_t i) {
  return [i](const Node&, const std::vector<DType>& inputs, size_t) {
    return input_or_undefined(inputs, i);
  };
}

Rule always(DType dtype) {
  return [dtype](const Node&, const std::vector<DType>&, size_t) { return dtype; };
}

DType cast_target(const Node& node, const std::vector<DType>&, size_t) {
  return static_cast<DType>(node.int_attribute("to", 0));
}

// Without the attribute `value`, ConstantOfShape fills with float32 zeros.
DType filled_value(const Node& node, const std::vector<DType>&, size_t) {
  const auto it = node.attributes.find("value");
  if (it == node.attributes.end()) return DType::kFloat;
  const auto* value = std::get_if<Tensor>(&it->second);
  return value == nullptr ? DType::kUndefined : value->dtype();
}

// One of the attributes value, value_float(s), value_int(s), value_string(s).
DType constant_value(const Node& node, const std::vector<DType>& inputs, size_t output) {
  const auto has = [&](const char* key) { return node.attributes.contains(key); };
  if (has("value_int") || has("value_ints")) return DType::kInt64;
  if (has("value_string") || has("value_strings")) return DType::kString;
  return filled_value(node, inputs, output);
}

DType values_then_indices(const Node&, const std::vector<DType>& inputs, size_t output) {
  return output == 0 ? input_or_undefined(inputs, 0) : DType::kInt64;
}

// The zero point's dtype; without one the attribute's, by default uint8.
DType quantized(const Node& node, const std::vector<DType>& inputs, size_t) {
  if (inputs.size() > 2 && inputs[2] != DType::kUndefined) return inputs[2];
  return static_cast<DType>(
      node.int_attribute("output_dtype", static_cast<int64_t>(DType::kUint8)));
}

// Operators whose outputs all have the dtype of their first input.
const std::initializer_list<const char*> kSameAsFirstInput = {"Abs",
                                                              "Add",
                                                              "Ceil",
                                                              "Clip",
                                                              "Compress",
                                                              "Concat",
                                                              "Conv",
                                                              "Cos",
                                                              "CumSum",
                                                              "Div",
                                                              "Erf",
                                                              "Exp",
                                                              "Expand",
                                                              "Flatten",
                                                              "Floor",
                                                              "Gather",
                                                              "GatherElements",
                                                              "GatherND",
                                                              "Gelu",
                                                              "Gemm",
                                                              "Identity",
                                                              "LayerNormalization",
                                                              "Log",
                                                              "MatMul",
                                                              "Max",
                                                              "Min",
                                                              "Mod",
                                                              "Mul",
                                                              "Neg",
                                                              "Pad",
                                                              "Pow",
                                                              "RMSNormalization",
                                                              "Range",
                                                              "Reciprocal",
                                                              "ReduceMax",
                                                              "ReduceMean",
                                                              "ReduceMin",
                                                              "ReduceSum",
                                                              "Relu",
                                                              "Reshape",
                                                              "RotaryEmbedding",
                                                              "Round",
                                                              "ScatterElements",
                                                              "ScatterND",
                                                              "Sigmoid",
                                                              "Sign",
                                                              "Sin",
                                                              "Slice",
                                                              "Softmax",
                                                              "Softplus",
                                                              "Split",
                                                              "Sqrt",
                                                              "Squeeze",
                                                              "Sub",
                                                              "Swish",
                                                              "Tanh",
                                                              "Tile",
                                                              "Transpose",
                                                              "Trilu",
                                                              "Unsqueeze",
                                                              "Attention",
                                                              "com.microsoft::GroupQueryAttention",
                                                              "com.microsoft::MatMulNBits",
                                                              "com.microsoft::MultiHeadAttention",
                                                              "com.microsoft::RotaryEmbedding"};

const std::map<std::string, Rule, std::less<>>& rules() {
  static const auto* table = [] {
    auto* out = new std::map<std::string, Rule, std::less<>>();
    const auto add = [&](std::initializer_list<const char*> ops, const Rule& rule) {
      for (const char* op : ops) out->emplace(op, rule);
    };
    add(kSameAsFirstInput, same_as_input(0));
    add({"Where", "DequantizeLinear"}, same_as_input(1));
    add({"com.microsoft::GatherBlockQuantized"}, same_as_input(2));
    add({"Shape", "Size", "NonZero", "ArgMax", "ArgMin"}, always(DType::kInt64));
    add({"And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual",
         "Not", "Or", "Xor"},
        always(DType::kBool));
    add({"Cast"}, cast_target);
    add({"Constant"}, constant_value);
    add({"ConstantOfShape"}, filled_value);
    add({"TopK"}, values_then_indices);
    add({"QuantizeLinear"}, quantized);
    return out;
  }();
  return *table;
}

}  // namespace

Result<DTypes> infer_dtypes(const Graph& graph) {
  DTypes out;
  for (const auto& [name, tensor] : graph.initializers) out[name] = tensor.dtype();
  for (const ValueInfo& input : graph.inputs) out[input.name] = input.dtype;
  for (const Node& node : graph.nodes) {
    const auto rule = rules().find(node.qualified_op());
    if (rule == rules().end()) {
      return unsupported(graph.name + ": node '" + node.name + "'",
                         "the dtype that " + node.qualified_op() + " yields is not known",
                         "add a rule to graph/dtype_inference.cc");
    }
    std::vector<DType> inputs;
    for (const std::string& input : node.inputs) {
      const auto it = out.find(input);
      inputs.push_back(it == out.end() ? DType::kUndefined : it->second);
    }
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      if (!node.outputs[k].empty()) out[node.outputs[k]] = rule->second(node, inputs, k);
    }
  }
  return out;
}

}  // namespace lapidary::graph
