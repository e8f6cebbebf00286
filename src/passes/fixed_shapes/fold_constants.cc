#include "passes/fixed_shapes/fold_constants.h"

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "graph/dtype_inference.h"
#include "graph/fixed_shapes.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::DType;
using graph::Graph;
using graph::Node;
using tensor::Shape;
using tensor::Tensor;

Tensor int32s(const Shape& shape, const std::vector<int64_t>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(int32_t));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<int32_t>(values[i]);
    std::memcpy(bytes.data() + i * sizeof(value), &value, sizeof(value));
  }
  return tensor::literal({DType::kInt32, shape}, std::move(bytes));
}

std::optional<Tensor> integers_of(DType dtype, const Shape& shape,
                                  const std::vector<int64_t>& values) {
  if (dtype == DType::kInt64) return tensor::integers(shape, values);
  if (dtype == DType::kInt32) return int32s(shape, values);
  return std::nullopt;
}

// One element of the attribute `value`, by default a float32 zero, everywhere.
Result<std::optional<Tensor>> filled(const Node& node, const Shape& shape) {
  std::optional<Tensor> none;
  const int64_t count = tensor::element_count(shape);
  if (count > graph::kMostIntegers) return none;
  const auto it = node.attributes.find("value");
  const auto* value = it == node.attributes.end() ? nullptr : std::get_if<Tensor>(&it->second);
  if (it != node.attributes.end() && value == nullptr) return none;
  const Tensor element = value == nullptr ? tensor::floats({1}, {0.0F}) : *value;
  if (element.type().elements() != 1) return none;
  LAP_ASSIGN_OR_RETURN(const std::vector<std::byte> one, element.materialize());
  // Elements of less than a byte would have to be packed.
  if (tensor::bytes_of(element.dtype(), 2) != 2 * static_cast<int64_t>(one.size())) return none;
  std::vector<std::byte> bytes;
  for (int64_t i = 0; i < count; ++i) bytes.insert(bytes.end(), one.begin(), one.end());
  return std::optional(tensor::literal({element.dtype(), shape}, std::move(bytes)));
}

class ConstantFolder {
 public:
  ConstantFolder(Graph graph, graph::FixedShapes known, graph::DTypes dtypes)
      : graph_(std::move(graph)), known_(std::move(known)), dtypes_(std::move(dtypes)) {}

  Result<PassOutcome> run() {
    std::vector<Node> nodes = std::exchange(graph_.nodes, {});
    for (Node& node : nodes) {
      LAP_ASSIGN_OR_RETURN(std::optional<Tensor> value, constant(node));
      if (value && !graph_.is_output(node.outputs[0])) {
        graph_.initializers[node.outputs[0]] = *std::move(value);
        ++outcome_.rewritten;
        continue;
      }
      if (value) outcome_.declined.push_back({node.name, "it is an output of the graph"});
      graph_.nodes.push_back(std::move(node));
    }
    graph::remove_unused(graph_);
    outcome_.graph = std::move(graph_);
    return std::move(outcome_);
  }

 private:
  Result<std::optional<Tensor>> constant(const Node& node) const {
    std::optional<Tensor> none;
    if (node.outputs.size() != 1 || !node.domain.empty()) return none;
    const std::string& output = node.outputs[0];
    const Shape& shape = known_.shapes.at(output);
    if (const auto it = known_.integers.find(output); it != known_.integers.end()) {
      return integers_of(dtypes_.at(output), shape, it->second);
    }
    if (node.op_type == "ConstantOfShape") return filled(node, shape);
    if (node.op_type != "Cast" || dtypes_.at(output) != DType::kFloat) return none;
    const auto from = known_.integers.find(node.inputs[0]);
    if (from == known_.integers.end()) return none;
    std::vector<float> floats;
    for (const int64_t value : from->second) floats.push_back(static_cast<float>(value));
    return std::optional(tensor::floats(shape, floats));
  }

  Graph graph_;
  graph::FixedShapes known_;
  graph::DTypes dtypes_;
  PassOutcome outcome_;
};

}  // namespace

Result<PassOutcome> fold_constants(Graph graph) {
  LAP_ASSIGN_OR_RETURN(graph::FixedShapes known, graph::infer_shapes(graph));
  LAP_ASSIGN_OR_RETURN(graph::DTypes dtypes, graph::infer_dtypes(graph));
  return ConstantFolder(std::move(graph), std::move(known), std::move(dtypes)).run();
}

}  // namespace lapidary::passes
