#include "passes/fixed_shapes/fold_layout.h"

#include <algorithm>
#include <set>
#include <utility>

#include "graph/fixed_shapes.h"
#include "passes/rewrite/node_rewriter.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Shape;

using Permutation = std::vector<int64_t>;

class LayoutFolder {
 public:
  LayoutFolder(Graph graph, graph::FixedShapes known)
      : out_(std::move(graph)), known_(std::move(known)) {}

  PassOutcome run() {
    for (Node& node : out_.take_nodes()) {
      for (std::string& input : node.inputs) input = out_.current(input);
      if (node.domain.empty() && node.op_type == "Reshape") join_reshape(node);
      if (node.domain.empty() && node.op_type == "Transpose") join_transpose(node);
      if (moves_nothing(node)) {
        out_.replace(node.outputs[0], node.inputs[0]);
        ++outcome_.rewritten;
      } else {
        out_.keep(std::move(node));
      }
    }
    outcome_.graph = std::move(out_).finish();
    return std::move(outcome_);
  }

 private:
  // Values are renamed only into outputs, whose shapes are known under that name too.
  const Shape& shape(const std::string& value) const { return known_.shapes.at(value); }

  const Node* producer_of(const std::string& value, const char* op_type) const {
    const Node* node = out_.producer(value);
    const bool found = node != nullptr && node->domain.empty() && node->op_type == op_type;
    return found ? node : nullptr;
  }

  void join_reshape(Node& node) {
    const Node* first = producer_of(node.inputs[0], "Reshape");
    if (first == nullptr) return;
    node.inputs[0] = first->inputs[0];
    node.inputs[1] = out_.integers(shape(node.outputs[0]));
    node.attributes = {{"allowzero", int64_t{1}}};
    if (std::find(shape(node.outputs[0]).begin(), shape(node.outputs[0]).end(), 0) ==
        shape(node.outputs[0]).end()) {
      node.attributes.clear();
    }
    ++outcome_.rewritten;
  }

  Permutation permutation(const Node& node) const {
    const auto it = node.attributes.find("perm");
    if (it != node.attributes.end()) {
      if (const auto* given = std::get_if<Permutation>(&it->second)) return *given;
    }
    Permutation reversed(shape(node.inputs[0]).size());
    for (size_t i = 0; i < reversed.size(); ++i) {
      reversed[i] = static_cast<int64_t>(reversed.size() - 1 - i);
    }
    return reversed;
  }

  void join_transpose(Node& node) {
    const Node* first = producer_of(node.inputs[0], "Transpose");
    if (first == nullptr) return;
    const Permutation inner = permutation(*first);
    Permutation both;
    for (const int64_t axis : permutation(node)) both.push_back(inner[static_cast<size_t>(axis)]);
    node.inputs[0] = first->inputs[0];
    node.attributes["perm"] = std::move(both);
    ++outcome_.rewritten;
  }

  bool moves_nothing(const Node& node) const {
    if (!node.domain.empty()) return false;
    if (node.op_type == "Identity") return true;
    if (node.op_type == "Concat") return node.inputs.size() == 1;
    if (node.op_type == "Transpose") {
      const Permutation perm = permutation(node);
      return std::is_sorted(perm.begin(), perm.end());
    }
    if (node.op_type == "Slice" && !forward(node)) return false;
    static const std::set<std::string> kSameIfSameShape = {"Reshape", "Slice", "Expand"};
    return kSameIfSameShape.contains(node.op_type) &&
           shape(node.inputs[0]) == shape(node.outputs[0]);
  }

  // Every step of the slice is positive.
  bool forward(const Node& node) const {
    if (node.inputs.size() < 5 || node.inputs[4].empty()) return true;
    const auto steps = known_.integers.find(node.inputs[4]);
    return steps != known_.integers.end() &&
           std::all_of(steps->second.begin(), steps->second.end(), [](int64_t s) { return s > 0; });
  }

  NodeRewriter out_;
  graph::FixedShapes known_;
  PassOutcome outcome_;
};

}  // namespace

Result<PassOutcome> fold_layout(Graph graph) {
  LAP_ASSIGN_OR_RETURN(graph::FixedShapes known, graph::infer_shapes(graph));
  return LayoutFolder(std::move(graph), std::move(known)).run();
}

}  // namespace lapidary::passes
