#include "passes/surgeries/attention_mask_to_sequence_lengths.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "contract/ports.h"
#include "passes/rewrite/node_rewriter.h"
#include "passes/rewrite/value_edges.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;

constexpr const char* kMask = contract::ports::kAttentionMask;
constexpr const char* kPast = "past_seq_len";
constexpr const char* kTotal = "total_seq_len";
constexpr const char* kAt = "sequence_lengths";

std::optional<std::vector<int64_t>> integers_of(const Graph& graph, const std::string& value) {
  const graph::Tensor* constant = graph.constant(value);
  if (constant == nullptr ||
      (constant->dtype() != DType::kInt64 && constant->dtype() != DType::kInt32)) {
    return std::nullopt;
  }
  const auto values = constant->to_integers();
  return values.ok() ? std::optional(*values) : std::nullopt;
}

bool sums_rows(const Graph& graph, const Node& node) {
  if (node.qualified_op() != "ReduceSum" || node.inputs.size() < 2) return false;
  const auto axes = integers_of(graph, node.inputs[1]);
  return axes && axes->size() == 1 && (axes->front() == 1 || axes->front() == -1);
}

// The length alone, [1].
bool takes_length(const Node& node) {
  return node.qualified_op() == "Shape" && node.int_attribute("start", 0) == 1 &&
         node.int_attribute("end", 2) == 2;
}

// Element 1 of the whole shape.
bool picks_length(const Graph& graph, const Node& node, const std::string& shape) {
  if (node.qualified_op() != "Gather" || node.inputs[0] != shape) return false;
  const auto index = integers_of(graph, node.inputs[1]);
  return index && index->size() == 1 && (index->front() == 1 || index->front() == -1);
}

bool takes_shape(const Graph& graph, const Node& node) {
  if (node.qualified_op() != "Shape" || node.int_attribute("start", 0) != 0 ||
      node.attributes.contains("end") || graph.is_output(node.outputs[0])) {
    return false;
  }
  const auto readers = readers_of(graph, node.outputs[0]);
  return std::all_of(readers.begin(), readers.end(), [&](const Node* reader) {
    return picks_length(graph, *reader, node.outputs[0]);
  });
}

std::optional<Declined> reason_against(const Graph& graph) {
  const bool attends = std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    return node.qualified_op() == "com.microsoft::GroupQueryAttention";
  });
  if (!attends) return Declined{graph.name, "it has no GroupQueryAttention"};
  const auto mask = std::find_if(graph.inputs.begin(), graph.inputs.end(),
                                 [](const graph::ValueInfo& i) { return i.name == kMask; });
  if (mask == graph.inputs.end() || mask->shape.size() != 2) {
    return Declined{graph.name, "it has no input attention_mask [batch, length]"};
  }
  for (const char* name : {kPast, kTotal}) {
    if (has_value(graph, name)) {
      return Declined{graph.name, fmt::format("{} is a value of it already", name)};
    }
  }
  for (const Node* node : readers_of(graph, kMask)) {
    if (!sums_rows(graph, *node) && !takes_length(*node) && !takes_shape(graph, *node)) {
      return Declined{node->name, "it reads attention_mask for more than lengths"};
    }
  }
  return std::nullopt;
}

// What stands for the mask's sums and its length.
struct SequenceLengths {
  std::string rows;    // [batch, 1] int64
  std::string total;   // [1] int64
  std::string scalar;  // [] int64
};

SequenceLengths read_lengths(NodeRewriter& out) {
  const graph::Attributes to_int64 = {{"to", int64_t{7}}};  // TensorProto.INT64
  const std::string past = out.op("Cast", {kPast}, fmt::format("{}.rows", kAt), to_int64);
  const std::string scalar = out.op("Cast", {kTotal}, fmt::format("{}.total", kAt), to_int64);
  return {out.op("Add", {past, out.integers({1})}, fmt::format("{}.rows", kAt)),
          out.op("Reshape", {scalar, out.integers({1})}, fmt::format("{}.total", kAt)), scalar};
}

void replace_input(Graph& graph) {
  const auto mask = std::find_if(graph.inputs.begin(), graph.inputs.end(),
                                 [](const graph::ValueInfo& i) { return i.name == kMask; });
  const graph::Dim batch = mask->shape[0];
  graph.inputs.erase(mask);
  graph.inputs.push_back({kPast, DType::kInt32, {batch, int64_t{1}}});
  graph.inputs.push_back({kTotal, DType::kInt32, {}});
}

}  // namespace

PassOutcome attention_mask_to_sequence_lengths(Graph graph) {
  PassOutcome outcome;
  if (auto declined = reason_against(graph)) {
    outcome.declined.push_back(*std::move(declined));
    outcome.graph = std::move(graph);
    return outcome;
  }
  const Graph before = graph;  // the rewriter takes the nodes away
  NodeRewriter out(std::move(graph));
  replace_input(out.graph());
  const SequenceLengths lengths = read_lengths(out);
  std::set<std::string> shapes;
  for (Node& node : out.take_nodes()) {
    const bool of_mask = !node.inputs.empty() && node.inputs[0] == kMask;
    if (of_mask && sums_rows(before, node)) {
      const bool keeps = node.int_attribute("keepdims", 1) != 0;
      out.replace(node.outputs[0],
                  keeps ? lengths.rows : out.op("Squeeze", {lengths.rows, out.integers({1})}, kAt));
    } else if (of_mask && takes_length(node)) {
      out.replace(node.outputs[0], lengths.total);
    } else if (of_mask) {
      shapes.insert(node.outputs[0]);
      continue;
    } else if (!node.inputs.empty() && shapes.contains(node.inputs[0])) {
      const bool scalar = before.constant(node.inputs[1])->shape().empty();
      out.replace(node.outputs[0], scalar ? lengths.scalar : lengths.total);
    } else {
      out.keep(std::move(node));
      continue;
    }
    ++outcome.rewritten;
  }
  outcome.graph = std::move(out).finish();
  return outcome;
}

BoundPass bind_attention_mask_to_sequence_lengths(JsonReader& reader) {
  reader.reject_unknown("this pass has no options");
  return per_graph("AttentionMaskToSequenceLengths", Json::object(),
                   [](Graph graph) -> Result<PassOutcome> {
                     return attention_mask_to_sequence_lengths(std::move(graph));
                   });
}

}  // namespace lapidary::passes
