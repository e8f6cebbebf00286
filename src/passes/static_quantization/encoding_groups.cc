#include "passes/static_quantization/encoding_groups.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/glob.h"
#include "graph/operators.h"
#include "passes/static_quantization/channel_format.h"
#include "passes/static_quantization/saturation.h"
#include "weights/affine.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Quantization;
using tensor::Tensor;

Quantization quantization_of(const Node& node) {
  const graph::Operator* row = graph::find_operator(node);
  return row == nullptr ? Quantization::kNone : row->quantization;
}

// Sets of values, merged as movers connect them.
class Sets {
 public:
  size_t index(const std::string& value) {
    const auto [it, added] = indices_.try_emplace(value, parents_.size());
    if (added) parents_.push_back(it->second);
    return it->second;
  }
  size_t root(size_t i) const {
    while (parents_[i] != i) i = parents_[i];
    return i;
  }
  // The older one's root stays, so that a set is named after the first of its values.
  void merge(size_t a, size_t b) {
    const size_t x = root(a);
    const size_t y = root(b);
    parents_[std::max(x, y)] = std::min(x, y);
  }

 private:
  std::map<std::string, size_t> indices_;
  std::vector<size_t> parents_;
};

class Planner {
 public:
  // `apart`: nodes that could share the encoding of their input, and must not.
  Planner(const Graph& graph, const StaticQuantizationOptions& options,
          const target::QuantizationTraits& traits, std::set<std::string> apart)
      : graph_(graph), options_(options), traits_(traits), apart_(std::move(apart)) {}

  Result<QuantizationPlan> run() {
    LAP_ASSIGN_OR_RETURN(plan_.dtypes, graph::infer_dtypes(graph_));
    for (const Node& node : graph_.nodes) {
      if (makes_weight(node)) {
        made_weights_.insert(node.outputs.begin(), node.outputs.end());
      } else if (selects(node)) {
        plan_.selected.insert(node.name);
      }
    }
    if (traits_.clips_by_encoding) plan_.saturations = saturations(graph_, plan_.selected);
    for (const Node& node : graph_.nodes) {
      if (!apart_.contains(node.name)) continue;
      capped_.emplace(node.inputs[0], plan_.saturations.at(node.name));
      plan_.saturations.erase(node.name);
    }
    for (const graph::ValueInfo& input : graph_.inputs) sets_.index(input.name);
    for (const Node& node : graph_.nodes) {
      if (plan_.selected.contains(node.name)) connect(node);
    }
    for (const Node& node : graph_.nodes) anchor(node);
    for (const auto* ports : {&graph_.inputs, &graph_.outputs}) {
      for (const graph::ValueInfo& port : *ports) {
        if (is_float(port.name) && matches_any(options_.quantized_io, port.name)) {
          anchors_.insert(sets_.root(sets_.index(port.name)));
        }
      }
    }
    drop_loose_movers();
    for (const graph::ValueInfo& input : graph_.inputs) add_value(input.name, nullptr);
    for (const Node& node : graph_.nodes) fill(node);
    for (const Node& node : graph_.nodes) note_readers(node);
    return std::move(plan_);
  }

 private:
  bool is_float(const std::string& value) const {
    const auto it = plan_.dtypes.find(value);
    return it != plan_.dtypes.end() && it->second == DType::kFloat;
  }
  bool is_made_weight(const std::string& value) const { return made_weights_.contains(value); }
  bool is_constant(const std::string& value) const {
    return graph_.constant(value) != nullptr || is_made_weight(value);
  }

  // A weight that came quantized, and what other layout it is brought to: DequantizeLinear of
  // constants, of a scale that is itself such a weight (LPBQ), and their Transposes.
  bool makes_weight(const Node& node) const {
    const bool dequantizes = node.qualified_op() == "DequantizeLinear";
    if (!dequantizes && !moves_data(node)) return false;
    if (!std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](const std::string& v) { return v.empty() || is_constant(v); })) {
      return false;
    }
    return dequantizes || is_made_weight(node.inputs[0]);
  }

  std::vector<std::string> float_inputs(const Node& node) const {
    std::vector<std::string> out;
    for (const size_t i : data_inputs(node)) {
      if (is_float(node.inputs[i])) out.push_back(node.inputs[i]);
    }
    return out;
  }

  bool selects(const Node& node) {
    const bool touches_float =
        std::any_of(node.inputs.begin(), node.inputs.end(),
                    [&](const std::string& v) { return is_float(v) && !is_constant(v); }) &&
        std::any_of(node.outputs.begin(), node.outputs.end(),
                    [&](const std::string& v) { return is_float(v); });
    const bool gathers = node.qualified_op() == "Gather" && is_float(node.inputs[0]);
    if (!touches_float && !gathers) return false;
    std::string reason;
    if (matches_any(options_.nodes_to_exclude, node.name) || excludes_op(node)) {
      reason = "excluded by the options";
    } else if (data_inputs(node).empty()) {
      reason = node.qualified_op() + " is not among the operators that are quantized";
    } else if (moves_data(node) && moves_weight(node)) {
      reason = "it reads a weight that is quantized already";
    } else {
      reason = reason_against_weight(node);
    }
    if (!reason.empty()) plan_.declined.push_back({node.name, reason});
    return reason.empty();
  }

  bool excludes_op(const Node& node) const {
    const auto& ops = options_.op_types_to_exclude;
    return std::any_of(ops.begin(), ops.end(), [&](const std::string& op) {
      return op == node.op_type || op == node.qualified_op();
    });
  }

  // Its codes would have to be those of the group.
  bool moves_weight(const Node& node) const {
    const std::vector<size_t> data = data_inputs(node);
    return std::any_of(data.begin(), data.end(),
                       [&](size_t i) { return is_made_weight(node.inputs[i]); });
  }

  std::string reason_against_weight(const Node& node) {
    if (!takes_channel_weight(node)) return "";
    const Tensor* weight = graph_.constant(node.inputs[1]);
    if (node.op_type != "MatMul") {
      if (weight == nullptr && !is_made_weight(node.inputs[1])) return "its weight is no constant";
      if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
        return "it has a bias: emit an Add after it";
      }
    }
    if (weight == nullptr || (node.op_type == "MatMul" && weight->shape().size() != 2)) return "";
    const bool by_row =
        node.op_type == "Conv" || (node.op_type == "Gemm" && node.int_attribute("transB", 0) == 1);
    const size_t axis = by_row ? 0 : 1;
    const DType type = channel_format(node.name, axis, options_).type;
    std::string reason = weights::reason_against_channels(*weight, axis, type);
    if (reason.empty()) plan_.channel_axis[node.name] = axis;
    return reason;
  }

  void connect(const Node& node) {
    const bool one_encoding = moves_data(node) || plan_.saturations.contains(node.name);
    std::optional<size_t> first;
    const auto add = [&](const std::string& value) {
      if (!is_float(value) || is_constant(value)) return;
      const size_t index = sets_.index(value);
      if (first && one_encoding) sets_.merge(*first, index);
      if (!first) first = index;
    };
    for (const std::string& value : float_inputs(node)) add(value);
    for (const std::string& value : node.outputs) add(value);
    if (plan_.saturations.contains(node.name)) saturated_.insert(node.inputs[0]);
  }

  // A set is worth an encoding when something computes with it.
  void anchor(const Node& node) {
    if (!plan_.selected.contains(node.name) || moves_data(node)) return;
    for (const std::string& value : float_inputs(node)) {
      if (!is_constant(value)) anchors_.insert(sets_.root(sets_.index(value)));
    }
    for (const std::string& value : node.outputs) {
      if (is_float(value)) anchors_.insert(sets_.root(sets_.index(value)));
    }
  }

  void drop_loose_movers() {
    for (const Node& node : graph_.nodes) {
      if (!moves_data(node) || !plan_.selected.contains(node.name)) continue;
      const auto output = std::find_if(node.outputs.begin(), node.outputs.end(),
                                       [&](const std::string& v) { return is_float(v); });
      if (output == node.outputs.end() || !anchors_.contains(sets_.root(sets_.index(*output)))) {
        plan_.selected.erase(node.name);
      }
    }
  }

  EncodingGroup* group_of(const std::string& value) {
    const size_t root = sets_.root(sets_.index(value));
    if (!anchors_.contains(root)) return nullptr;
    const auto [it, added] = group_at_.try_emplace(root, plan_.groups.size());
    if (added) plan_.groups.emplace_back();
    plan_.group_of[value] = it->second;
    return &plan_.groups[it->second];
  }

  void add_value(const std::string& value, const Node* producer) {
    if (!is_float(value) || is_constant(value)) return;
    EncodingGroup* group = group_of(value);
    if (group == nullptr) return;
    group->values.push_back(value);
    if (producer != nullptr) group->producers.push_back(producer->name);
    const bool selected = producer != nullptr && plan_.selected.contains(producer->name);
    if (selected) {
      const auto limits = limits_of(graph_, *producer);
      if (limits) group->limits.emplace(value, *limits);
    }
    if (const auto cap = capped_.find(value); cap != capped_.end()) {
      group->limits.emplace(value, cap->second);
    }
    if (selected && producer->qualified_op() == "Softmax") {
      group->holds_softmax = true;
    } else if (!saturated_.contains(value) && (!selected || !moves_data(*producer))) {
      group->calibrated.push_back(value);
    }
  }

  void fill(const Node& node) {
    for (const std::string& value : node.outputs) add_value(value, &node);
    if (!plan_.selected.contains(node.name)) return;
    const bool mover = moves_data(node);
    for (const std::string& value : float_inputs(node)) {
      if (!is_constant(value) || is_made_weight(value) || is_channel_weight(node, value)) continue;
      if (mover) {
        plan_.groups[plan_.group_of.at(float_output(node))].constants.push_back(value);
      } else if (!plan_.group_of.contains(value)) {
        plan_.group_of[value] = plan_.groups.size();
        plan_.groups.push_back({{value}, {value}, {}, {}, {}, false, false});
      }
    }
  }

  bool is_channel_weight(const Node& node, const std::string& value) const {
    return plan_.channel_axis.contains(node.name) && node.inputs[1] == value;
  }

  std::string float_output(const Node& node) const {
    return *std::find_if(node.outputs.begin(), node.outputs.end(),
                         [&](const std::string& v) { return is_float(v); });
  }

  void note_readers(const Node& node) {
    // An operator that is never quantized (Attention) has caches like those of others; one that the
    // options leave in float wants nothing.
    if (!plan_.selected.contains(node.name) && !data_inputs(node).empty()) return;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const std::string& value = node.inputs[i];
      if (!traits_.takes_signed(node.qualified_op(), i) || is_made_weight(value)) continue;
      if (i == 1 && plan_.channel_axis.contains(node.name)) continue;
      const auto group = plan_.group_of.find(value);
      if (group != plan_.group_of.end()) plan_.groups[group->second].right_side = true;
    }
  }

  const Graph& graph_;
  const StaticQuantizationOptions& options_;
  const target::QuantizationTraits& traits_;
  const std::set<std::string> apart_;
  QuantizationPlan plan_;
  std::set<std::string> made_weights_;  // values
  Sets sets_;
  std::set<size_t> anchors_;
  std::set<std::string> saturated_;  // inputs of saturations: their range is that of the outputs
  // Inputs of nodes in apart_: nobody reads what the Clip does not let through.
  std::map<std::string, quant::Range> capped_;
  std::map<size_t, size_t> group_at_;
};

// Saturations whose encoding is symmetric, as it is right of a product. Such an encoding seldom
// ends at the Clip's limits; one of its own in front of the Clip does (qdq_rewriter.cc).
std::set<std::string> symmetric_saturations(const Graph& graph, const QuantizationPlan& plan) {
  std::set<std::string> out;
  for (const Node& node : graph.nodes) {
    if (!plan.saturations.contains(node.name)) continue;
    const auto group = plan.group_of.find(node.outputs[0]);
    if (group != plan.group_of.end() && plan.groups[group->second].right_side) {
      out.insert(node.name);
    }
  }
  return out;
}

}  // namespace

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return glob_match(pattern, name); });
}

bool moves_data(const Node& node) {
  const Quantization how = quantization_of(node);
  return how == Quantization::kMovesAll || how == Quantization::kMovesFirst;
}

bool takes_channel_weight(const Node& node) {
  return node.domain.empty() &&
         (node.op_type == "MatMul" || node.op_type == "Gemm" || node.op_type == "Conv");
}

std::vector<size_t> data_inputs(const Node& node) {
  const Quantization how = quantization_of(node);
  if (node.inputs.empty() || how == Quantization::kNone) return {};
  if (how == Quantization::kFirstInput || how == Quantization::kMovesFirst) return {0};
  std::vector<size_t> out(node.inputs.size());
  std::iota(out.begin(), out.end(), size_t{0});
  return out;
}

Result<QuantizationPlan> plan_quantization(const Graph& graph,
                                           const StaticQuantizationOptions& options,
                                           const target::QuantizationTraits& traits) {
  LAP_ASSIGN_OR_RETURN(QuantizationPlan plan, Planner(graph, options, traits, {}).run());
  const std::set<std::string> apart = symmetric_saturations(graph, plan);
  if (apart.empty()) return plan;
  return Planner(graph, options, traits, apart).run();
}

}  // namespace lapidary::passes
