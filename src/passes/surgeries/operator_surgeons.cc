#include "passes/surgeries/operator_surgeons.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "graph/dtype_inference.h"
#include "passes/rewrite/node_rewriter.h"
#include "passes/rewrite/value_edges.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Tensor;

// b as MatMul wants it. `turned`: constants that were transposed for other nodes.
std::string right_side(NodeRewriter& out, const Node& gemm,
                       std::map<std::string, std::string>& turned) {
  const std::string& b = gemm.inputs[1];
  if (gemm.int_attribute("transB", 0) == 0) return b;
  const Tensor* weight = out.graph().constant(b);
  // Codes of less than a byte cannot be turned while they are read.
  if (weight == nullptr || weight->shape().size() != 2 || bits_of(weight->dtype()) < 8) {
    return out.op("Transpose", {b}, NodeRewriter::under(gemm) + ".weight",
                  {{"perm", std::vector<int64_t>{1, 0}}});
  }
  std::string& name = turned[b];
  if (name.empty()) name = out.add_constant(b + "_transposed", tensor::transpose(*weight));
  return name;
}

constexpr int64_t kMostValues = int64_t{1} << 24;

// Whether nothing but arithmetic of masks reads the value.
bool serves_masks(const Graph& graph, const std::string& value) {
  static constexpr std::array<const char*, 5> kReaders = {"Add", "Mul", "Expand", "Where", "Shape"};
  const auto readers = readers_of(graph, value);
  return !graph.is_output(value) &&
         std::all_of(readers.begin(), readers.end(), [](const Node* node) {
           return std::find(kReaders.begin(), kReaders.end(), node->qualified_op()) !=
                  kReaders.end();
         });
}

struct MaskValue {
  float threshold, replacement;
};

// Nothing when no value lies below the threshold.
Result<std::optional<Tensor>> replaced(const Tensor& tensor, const MaskValue& by) {
  LAP_ASSIGN_OR_RETURN(std::vector<float> values, tensor.to_floats());
  bool any = false;
  for (float& value : values) {
    if (!(value < by.threshold)) continue;
    value = by.replacement;
    any = true;
  }
  return any ? std::optional(tensor::floats(tensor.shape(), values)) : std::nullopt;
}

Result<PassOutcome> replace_mask_values(Graph graph, const MaskValue& by) {
  PassOutcome out;
  for (auto& [name, tensor] : graph.initializers) {
    if (tensor.dtype() != DType::kFloat || !serves_masks(graph, name)) continue;
    if (tensor.type().elements() > kMostValues) {
      out.declined.push_back(
          {name, fmt::format("it has {} values, too many for a mask", tensor.type().elements())});
      continue;
    }
    LAP_ASSIGN_OR_RETURN(const std::optional<Tensor> value, replaced(tensor, by));
    if (!value) continue;
    tensor = *value;
    ++out.rewritten;
  }
  for (Node& node : graph.nodes) {
    const auto fill = node.attributes.find("value");
    const Tensor* tensor =
        fill == node.attributes.end() ? nullptr : std::get_if<Tensor>(&fill->second);
    if (node.qualified_op() != "ConstantOfShape" || tensor == nullptr ||
        tensor->dtype() != DType::kFloat || !serves_masks(graph, node.outputs[0])) {
      continue;
    }
    LAP_ASSIGN_OR_RETURN(const std::optional<Tensor> value, replaced(*tensor, by));
    if (!value) continue;
    fill->second = *value;
    ++out.rewritten;
  }
  out.graph = std::move(graph);
  return out;
}

// Whether the g_idx is what MatMulNBits assumes without one.
Result<bool> is_plain_order(const Tensor& g_idx, int64_t block_size) {
  LAP_ASSIGN_OR_RETURN(const std::vector<int64_t> groups, g_idx.to_integers());
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] != static_cast<int64_t>(i) / block_size) return false;
  }
  return true;
}

}  // namespace

PassOutcome gemm_to_matmul_add(Graph graph) {
  PassOutcome outcome;
  std::map<std::string, std::string> turned;
  NodeRewriter out(std::move(graph));
  for (Node& node : out.take_nodes()) {
    if (node.qualified_op() != "Gemm") {
      out.keep(std::move(node));
      continue;
    }
    const bool scaled =
        node.float_attribute("alpha", 1) != 1 || node.float_attribute("beta", 1) != 1;
    if (scaled || node.int_attribute("transA", 0) != 0) {
      outcome.declined.push_back({node.name, scaled ? "alpha or beta is not 1" : "transA is set"});
      out.keep(std::move(node));
      continue;
    }
    const std::string at = NodeRewriter::under(node);
    std::string result = out.op("MatMul", {node.inputs[0], right_side(out, node, turned)}, at);
    if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
      result = out.op("Add", {result, node.inputs[2]}, at);
    }
    out.replace(node.outputs[0], result);
    ++outcome.rewritten;
  }
  outcome.graph = std::move(out).finish();
  return outcome;
}

PassOutcome reciprocal_mul_to_div(Graph graph) {
  PassOutcome out;
  for (Node& node : graph.nodes) {
    if (node.qualified_op() != "Mul") continue;
    for (const std::string& input : node.inputs) {
      const Node* reciprocal = producer_of(graph, input, "Reciprocal");
      if (reciprocal == nullptr) continue;
      node.inputs = {other_input(node, input), reciprocal->inputs[0]};
      node.op_type = "Div";
      ++out.rewritten;
      break;
    }
  }
  graph::remove_unused(graph);
  out.graph = std::move(graph);
  return out;
}

PassOutcome replace_erf_with_tanh(Graph graph) {
  const auto dtypes = graph::infer_dtypes(graph);
  const auto is_float = [&](const std::string& value) {
    if (!dtypes.ok()) return false;
    const auto it = dtypes->find(value);
    return it != dtypes->end() && it->second == DType::kFloat;
  };
  PassOutcome outcome;
  NodeRewriter out(std::move(graph));
  for (Node& node : out.take_nodes()) {
    if (node.qualified_op() != "Erf") {
      out.keep(std::move(node));
      continue;
    }
    if (!is_float(node.inputs[0])) {
      outcome.declined.push_back(
          {node.name, dtypes.ok() ? "it computes another dtype than float32"
                                  : "its dtype is not known: " + dtypes.error().message()});
      out.keep(std::move(node));
      continue;
    }
    const std::string factor =
        out.shared_constant("constant.erf_as_tanh", tensor::scalar(605.0F / 503.0F));
    const std::string at = NodeRewriter::under(node);
    out.replace(node.outputs[0], out.op("Tanh", {out.op("Mul", {node.inputs[0], factor}, at)}, at));
    ++outcome.rewritten;
  }
  outcome.graph = std::move(out).finish();
  return outcome;
}

Result<PassOutcome> remove_gidx_from_matmul_nbits(Graph graph) {
  constexpr size_t kGroupIndex = 4;
  PassOutcome out;
  for (Node& node : graph.nodes) {
    if (node.qualified_op() != "com.microsoft::MatMulNBits" || node.inputs.size() <= kGroupIndex ||
        node.inputs[kGroupIndex].empty()) {
      continue;
    }
    const Tensor* g_idx = graph.constant(node.inputs[kGroupIndex]);
    const int64_t block_size = node.int_attribute("block_size", 0);
    bool plain = false;
    if (g_idx != nullptr && block_size > 0) {
      LAP_ASSIGN_OR_RETURN(plain, is_plain_order(*g_idx, block_size));
    }
    if (!plain) {
      out.declined.push_back({node.name, "its g_idx is no constant, or in an order of its own"});
      continue;
    }
    node.inputs[kGroupIndex].clear();
    while (!node.inputs.empty() && node.inputs.back().empty()) node.inputs.pop_back();
    ++out.rewritten;
  }
  graph::remove_unused(graph);
  out.graph = std::move(graph);
  return out;
}

Surgery bind_replace_attention_mask_value(JsonReader& options) {
  const MaskValue by{static_cast<float>(options.number_or("threshold", -3e30, kFloat32Range)),
                     static_cast<float>(options.number_or("replacement", -1e4, kFloat32Range))};
  return [by](Graph graph) { return replace_mask_values(std::move(graph), by); };
}

}  // namespace lapidary::passes
