#include "passes/weight_only/weight_rewrites.h"

#include <fmt/core.h>

#include <map>
#include <utility>

#include "graph/fresh_names.h"
#include "tensor/expressions.h"
#include "tensor/grid.h"
#include "weights/kept_codes.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Tensor;

// The weight as [N, K]: the checkpoint's own tensor where the graph transposed it.
Tensor checkpoint_rows(const Tensor& weight) {
  const Tensor operand = tensor::transposed_operand(weight);
  return operand.valid() ? operand : tensor::transpose(weight);
}

// Scales are float32, and the operators want activations of the scales' dtype.
std::string reason_against(const Tensor& weight, const Tensor& rows,
                           const weights::WeightFormat& format) {
  if (weight.dtype() != DType::kFloat) {
    return fmt::format("the weight is {}: quantize before converting", name_of(weight.dtype()));
  }
  return weights::reason_against(rows, format);
}

// The format that the weight gets: the wanted one, or that of its own codes where they fit in.
weights::WeightFormat chosen_format(const std::string& name, const Tensor& rows,
                                    const weights::WeightFormat& wanted, GridUse& use) {
  const std::optional<tensor::Grid> grid = tensor::grid_of(rows);
  if (!grid) {
    if (wanted.block.bits == 4) use.without.insert(name);
    return wanted;
  }
  std::string reason = weights::reason_against_keeping(*grid, wanted);
  if (!reason.empty()) {
    use.rounded.emplace(name, std::move(reason));
    return wanted;
  }
  use.kept.insert(name);
  return weights::kept_format(*grid, wanted);
}

weights::BlockwiseWeight in_blocks(const Tensor& rows, const weights::WeightFormat& format) {
  return format.method == weights::QuantMethod::kKept
             ? weights::keep_codes(rows, *tensor::grid_of(rows), format)
             : weights::quantize_blockwise(rows, format);
}

// Adds weights of one layout to a graph, for all nodes that want the same format of one the same.
class BlockwiseWeights {
 public:
  explicit BlockwiseWeights(Graph& graph) : graph_(graph), names_(graph) {}

  // The names of codes, scales and, if there are any, zero points.
  const std::vector<std::string>& add(const std::string& weight, const Tensor& rows,
                                      const weights::WeightFormat& format) {
    const auto [it, added] = made_.try_emplace({weight, format.describe()});
    if (added) {
      it->second = weights::add_blockwise(graph_, names_, weight, in_blocks(rows, format), format);
    }
    return it->second;
  }

 private:
  Graph& graph_;
  graph::FreshNames names_;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> made_;
};

void to_matmul_nbits(BlockwiseWeights& weights, Node& node, const Tensor& rows,
                     const weights::WeightFormat& format, int64_t accuracy_level) {
  const auto& names = weights.add(node.inputs[1], rows, format);
  std::vector<std::string> inputs = {node.inputs[0]};
  inputs.insert(inputs.end(), names.begin(), names.end());
  node.domain = graph::kMicrosoftDomain;
  node.op_type = "MatMulNBits";
  node.inputs = std::move(inputs);
  node.attributes = {{"K", rows.shape()[1]},
                     {"N", rows.shape()[0]},
                     {"bits", int64_t{format.block.bits}},
                     {"block_size", int64_t{format.block.block_size}}};
  if (accuracy_level > 0) node.attributes["accuracy_level"] = accuracy_level;
}

void to_gather_block_quantized(BlockwiseWeights& weights, Node& node, const Tensor& table,
                               const weights::WeightFormat& format) {
  const auto& names = weights.add(node.inputs[0], table, format);
  std::vector<std::string> inputs = {names[0], node.inputs[1], names[1]};
  if (names.size() > 2) inputs.push_back(names[2]);
  node.domain = graph::kMicrosoftDomain;
  node.op_type = "GatherBlockQuantized";
  node.inputs = std::move(inputs);
  node.attributes = {{"bits", int64_t{format.block.bits}},
                     {"block_size", int64_t{format.block.block_size}},
                     {"gather_axis", int64_t{0}},
                     {"quantize_axis", int64_t{1}}};
}

}  // namespace

void rewrite_matmuls(PassOutcome& outcome, const WeightSelection& selection,
                     weights::QuantMethod method) {
  Graph& graph = outcome.graph;
  BlockwiseWeights added(graph);
  for (Node& node : graph.nodes) {
    if (node.qualified_op() != "MatMul") continue;
    if (!selection.selects(node.name)) {
      outcome.declined.push_back({node.name, "excluded by the options"});
      continue;
    }
    const Tensor* weight = graph.constant(node.inputs[1]);
    if (weight == nullptr) continue;  // a product of two activations
    if (weight->shape().size() != 2) {
      outcome.declined.push_back({node.name, "the weight is not a matrix"});
      continue;
    }
    const Tensor rows = checkpoint_rows(*weight);
    const weights::WeightFormat format{method, selection.format_of(node.name)};
    if (std::string reason = reason_against(*weight, rows, format); !reason.empty()) {
      outcome.declined.push_back({node.name, std::move(reason)});
      continue;
    }
    to_matmul_nbits(added, node, rows, chosen_format(node.inputs[1], rows, format, outcome.grids),
                    selection.accuracy_level);
    ++outcome.rewritten;
  }
}

void rewrite_gathers(PassOutcome& outcome, const WeightSelection& selection,
                     weights::QuantMethod method) {
  Graph& graph = outcome.graph;
  BlockwiseWeights added(graph);
  for (Node& node : graph.nodes) {
    if (node.qualified_op() != "Gather") continue;
    const Tensor* table = graph.constant(node.inputs[0]);
    if (table == nullptr || !is_float(table->dtype())) continue;  // not an embedding
    if (!selection.selects(node.name)) {
      outcome.declined.push_back({node.name, "excluded by the options"});
      continue;
    }
    weights::WeightFormat format{method, selection.format_of(node.name)};
    format.block.layout = quant::Layout::kGatherBlockQuantized;
    std::string reason = node.int_attribute("axis", 0) == 0
                             ? reason_against(*table, *table, format)
                             : "it gathers along another axis than 0";
    if (!reason.empty()) {
      outcome.declined.push_back({node.name, std::move(reason)});
      continue;
    }
    to_gather_block_quantized(added, node, *table,
                              chosen_format(node.inputs[0], *table, format, outcome.grids));
    ++outcome.rewritten;
  }
}

void finish_rewrite(PassOutcome& outcome, const WeightSelection& selection) {
  std::vector<std::string> nodes;
  for (const Node& node : outcome.graph.nodes) nodes.push_back(node.name);
  for (const std::string& pattern : unmatched_patterns(selection, nodes)) {
    outcome.declined.push_back(absent(pattern, "this pattern of the options matches no node"));
  }
  if (outcome.rewritten > 0) outcome.graph.opsets[graph::kMicrosoftDomain] = 1;
  graph::remove_unused(outcome.graph);
}

}  // namespace lapidary::passes
