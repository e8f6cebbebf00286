#include "passes/rewrite/raise_opset.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "graph/dtype_inference.h"
#include "graph/fresh_names.h"
#include "graph/functions.h"
#include "graph/ir_version.h"
#include "passes/rewrite/opset_changes.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;

// A body or function is carried along as it is, so nothing in it can be rewritten. A scale of
// another type than its input has no kernel in ONNX Runtime, so no model has one.
bool stays_as_it_is(const OpsetChange& change) {
  return change.how == Raise::kSame || change.how == Raise::kScaleHasInputsType;
}

// Raises the nodes of a graph, and what bodies and functions import.
class OpsetRaiser {
 public:
  OpsetRaiser(Graph& graph, int64_t from, int64_t to)
      : graph_(graph), from_(from), to_(to), names_(graph) {}

  Status run() {
    for (Node& node : graph_.nodes) LAP_RETURN_IF_ERROR(raise(node));
    for (std::string& function : graph_.functions) {
      LAP_RETURN_IF_ERROR(raise_function(function));
    }
    return {};
  }

 private:
  Error no_equal(const std::string& where, const std::string& what, int64_t from) const {
    return unsupported(where,
                       fmt::format("{} of opset {} has no equal in opset {}, which the pass needs",
                                   what, from, to_),
                       fmt::format("export the model with opset {} or later", to_));
  }

  Status raise(Node& node) {
    for (const auto& [key, body] : node.opaque) {
      for (const std::string& op : body.ops) {
        if (!stays(op, from_)) {
          return no_equal(node.name, fmt::format("the body '{}' holds {}, which", key, op), from_);
        }
      }
    }
    if (!node.domain.empty()) return {};
    for (const OpsetChange& change : opset_changes(node.op_type, from_, to_)) {
      if (!apply(change.how, node)) return no_equal(node.name, node.op_type, from_);
    }
    return {};
  }

  // Whether an operator in a body means the same in both opsets.
  bool stays(const std::string& op, int64_t from) const {
    const auto changes = opset_changes(op, from, to_);
    return std::all_of(changes.begin(), changes.end(), stays_as_it_is);
  }

  // The model's checker wants functions in the opset of the model, wherever an operator that they
  // use has a newer version in it.
  Status raise_function(std::string& function) const {
    LAP_ASSIGN_OR_RETURN(const graph::FunctionFacts facts, graph::function_facts(function));
    if (facts.opset == 0 || facts.opset >= to_) return {};
    for (const std::string& op : facts.ops) {
      const bool standard = op.find("::") == std::string::npos;
      if (standard && (facts.opset < kOldestKnownOpset || !stays(op, facts.opset))) {
        return no_equal(graph_.name,
                        fmt::format("the function '{}' holds {}, which", facts.name, op),
                        facts.opset);
      }
    }
    LAP_ASSIGN_OR_RETURN(function, graph::with_opset(function, to_));
    return {};
  }

  // False: the node has no equal.
  bool apply(Raise how, Node& node) {
    switch (how) {
      case Raise::kSame:
        return true;
      case Raise::kAxesToInput:
        axes_to_input(node);
        return true;
      case Raise::kAxisToInput:
        axis_to_input(node);
        return true;
      case Raise::kNumOutputs:
        if (node.input(1).empty()) {
          node.attributes["num_outputs"] = static_cast<int64_t>(node.outputs.size());
        }
        return true;
      case Raise::kModeNames:
        rename_mode(node);
        return true;
      case Raise::kOutputHalfPixel:
        node.attributes["coordinate_transformation_mode"] = std::string("output_half_pixel");
        return true;
      case Raise::kScaleHasInputsType:
        return !is_int32(node.input(0));
      case Raise::kOneOutput:
        return node.outputs.size() < 2;
      case Raise::kNone:
        return false;
    }
    return false;
  }

  void axes_to_input(Node& node) {
    const auto it = node.attributes.find("axes");
    if (it == node.attributes.end()) return;
    if (const auto* axes = std::get_if<std::vector<int64_t>>(&it->second)) {
      const tensor::Shape shape = {static_cast<int64_t>(axes->size())};
      node.inputs.resize(1);
      node.inputs.push_back(add_integers(node.name + ".axes", tensor::integers(shape, *axes)));
    }
    node.attributes.erase("axes");
  }

  void axis_to_input(Node& node) {
    const int64_t axis = node.int_attribute("axis", 1);
    node.attributes.erase("axis");
    node.inputs.resize(2);
    node.inputs.push_back(add_integers(node.name + ".axis", tensor::scalar(axis)));
  }

  static void rename_mode(Node& node) {
    const auto it = node.attributes.find("mode");
    auto* mode = it == node.attributes.end() ? nullptr : std::get_if<std::string>(&it->second);
    if (mode == nullptr) return;
    if (*mode == "bilinear") *mode = "linear";
    if (*mode == "bicubic") *mode = "cubic";
  }

  bool is_int32(const std::string& value) {
    if (!dtypes_known_) dtypes_ = graph::known_dtypes(graph_);
    dtypes_known_ = true;
    const auto it = dtypes_.find(value);
    return it != dtypes_.end() && it->second == DType::kInt32;
  }

  std::string add_integers(const std::string& wanted, const tensor::Tensor& values) {
    std::string name = names_.fresh(wanted);
    graph_.initializers.emplace(name, values);
    return name;
  }

  Graph& graph_;
  int64_t from_;
  int64_t to_;
  graph::FreshNames names_;
  bool dtypes_known_ = false;
  graph::DTypes dtypes_;
};

}  // namespace

Status raise_opset(Graph& graph, int64_t version) {
  // A graph of other domains alone imports none: what it holds of the standard one is the pass's.
  const auto [entry, added] = graph.opsets.try_emplace("", version);
  const int64_t now = entry->second;
  if (!added && now >= version) return {};
  if (now < kOldestKnownOpset) {
    return unsupported(
        graph.name,
        fmt::format("the model is of opset {}, the pass needs {} and can start from {}", now,
                    version, kOldestKnownOpset),
        "export the model with a later opset");
  }
  LAP_RETURN_IF_ERROR(OpsetRaiser(graph, now, version).run());
  entry->second = version;
  graph::raise_ir_version(graph, graph::ir_version_of_opset(version));
  return {};
}

}  // namespace lapidary::passes
