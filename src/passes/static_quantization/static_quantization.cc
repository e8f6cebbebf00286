#include "passes/static_quantization/static_quantization.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/glob.h"
#include "passes/static_quantization/encoding_groups.h"
#include "passes/static_quantization/group_encodings.h"
#include "passes/static_quantization/qdq_rewriter.h"
#include "passes/static_quantization/weight_factors.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;

constexpr int64_t kLeastOpset = 21;  // 16-bit and 4-bit types of QuantizeLinear

bool has_port(const Graph& graph, const std::string& pattern) {
  const auto fits = [&](const graph::ValueInfo& port) {
    return port.dtype == DType::kFloat && glob_match(pattern, port.name);
  };
  return std::any_of(graph.inputs.begin(), graph.inputs.end(), fits) ||
         std::any_of(graph.outputs.begin(), graph.outputs.end(), fits);
}

Status check_options(const GraphSet& graphs, const StaticQuantizationOptions& options) {
  for (const RoleGraph& each : graphs) {
    const auto opset = each.graph.opsets.find("");
    if (opset == each.graph.opsets.end() || opset->second < kLeastOpset) {
      return unsupported(each.graph.name, "static quantization needs opset 21 or later",
                         "convert the model to a newer opset");
    }
  }
  for (const std::string& pattern : options.quantized_io) {
    if (std::none_of(graphs.begin(), graphs.end(),
                     [&](const RoleGraph& each) { return has_port(each.graph, pattern); })) {
      return bad_input(graphs[0].graph.name,
                       "quantized_io: '" + pattern + "' names no float32 input or output");
    }
  }
  return {};
}

// A misspelt name would otherwise go unnoticed.
void note_unmatched(const GraphSet& graphs, const std::vector<QuantizationPlan>& plans,
                    const StaticQuantizationOptions& options, std::vector<Declined>& declined) {
  const auto note = [&](const std::string& pattern, bool matched) {
    if (!matched) declined.push_back({pattern, "this pattern of the options matches nothing"});
  };
  const auto matches_node = [&](const std::string& pattern) {
    return std::any_of(graphs.begin(), graphs.end(), [&](const RoleGraph& each) {
      return std::any_of(each.graph.nodes.begin(), each.graph.nodes.end(),
                         [&](const Node& node) { return glob_match(pattern, node.name); });
    });
  };
  for (const std::string& pattern : options.nodes_to_exclude) note(pattern, matches_node(pattern));
  for (const auto& [pattern, unused] : options.node_overrides) note(pattern, matches_node(pattern));
  const auto matches_value = [&](const std::string& pattern) {
    return std::any_of(plans.begin(), plans.end(), [&](const QuantizationPlan& plan) {
      return std::any_of(plan.group_of.begin(), plan.group_of.end(),
                         [&](const auto& entry) { return glob_match(pattern, entry.first); });
    });
  };
  for (const auto& [pattern, unused] : options.tensor_overrides) {
    note(pattern, matches_value(pattern));
  }
}

// Once each, though several graphs decline the same.
void add_declined(std::vector<Declined>& all, const std::vector<Declined>& more) {
  std::set<std::pair<std::string, std::string>> known;
  for (const Declined& each : all) known.emplace(each.node, each.reason);
  for (const Declined& each : more) {
    if (known.emplace(each.node, each.reason).second) all.push_back(each);
  }
}

}  // namespace

Result<std::vector<std::string>> values_to_calibrate(const Graph& graph,
                                                     const StaticQuantizationOptions& options,
                                                     const target::QuantizationTraits& traits) {
  LAP_ASSIGN_OR_RETURN(const QuantizationPlan plan, plan_quantization(graph, options, traits));
  std::set<std::string> wanted;
  for (const EncodingGroup& group : plan.groups) {
    wanted.insert(group.calibrated.begin(), group.calibrated.end());
  }
  std::vector<std::string> out;
  const auto take = [&](const std::string& value) {
    if (wanted.erase(value) > 0) out.push_back(value);
  };
  for (const graph::ValueInfo& input : graph.inputs) take(input.name);
  for (const Node& node : graph.nodes)
    std::for_each(node.outputs.begin(), node.outputs.end(), take);
  return out;
}

Result<SetOutcome> static_quantization(GraphSet graphs, const quant::Ranges& ranges,
                                       const StaticQuantizationOptions& options,
                                       const target::QuantizationTraits& traits,
                                       const std::shared_ptr<const quant::Moments>& moments) {
  LAP_RETURN_IF_ERROR(check_options(graphs, options));
  std::vector<QuantizationPlan> plans;
  std::vector<const Graph*> views;
  for (const RoleGraph& each : graphs) {
    LAP_ASSIGN_OR_RETURN(QuantizationPlan plan, plan_quantization(each.graph, options, traits));
    plans.push_back(std::move(plan));
    views.push_back(&each.graph);
  }
  LAP_ASSIGN_OR_RETURN(std::vector<std::vector<Encoding>> encodings,
                       encode_groups(views, plans, ranges, options, traits));
  const WeightFactors factors = find_weight_factors(graphs, plans, options, moments);
  SetOutcome out;
  std::vector<Declined> unmatched;
  note_unmatched(graphs, plans, options, unmatched);
  for (size_t i = 0; i < graphs.size(); ++i) {
    PassOutcome one = insert_qdq(std::move(graphs[i].graph), std::move(plans[i]),
                                 std::move(encodings[i]), factors, options, traits);
    out.graphs.push_back({graphs[i].role, graphs[i].part, std::move(one.graph)});
    out.rewritten += one.rewritten;
    add_declined(out.declined, one.declined);
  }
  add_declined(out.declined, factors.declined);
  add_declined(out.declined, unmatched);
  return out;
}

Result<PassOutcome> static_quantization(Graph graph, const quant::Ranges& ranges,
                                        const StaticQuantizationOptions& options,
                                        const target::QuantizationTraits& traits,
                                        const std::shared_ptr<const quant::Moments>& moments) {
  GraphSet set(1);
  set[0].graph = std::move(graph);
  LAP_ASSIGN_OR_RETURN(SetOutcome out,
                       static_quantization(std::move(set), ranges, options, traits, moments));
  return PassOutcome{std::move(out.graphs[0].graph), out.rewritten, std::move(out.declined)};
}

}  // namespace lapidary::passes
