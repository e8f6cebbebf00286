#include "passes/static_quantization/weight_factors.h"

#include <utility>

#include "passes/static_quantization/channel_format.h"

namespace lapidary::passes {
namespace {

using graph::Node;
using quant::BlockMoments;
using quant::RoundingFactors;

class Finder {
 public:
  Finder(const StaticQuantizationOptions& options, std::shared_ptr<const quant::Moments> moments)
      : options_(options), moments_(std::move(moments)) {}

  void add(const graph::Graph& graph, const QuantizationPlan& plan) {
    for (const Node& node : graph.nodes) {
      const auto axis = plan.channel_axis.find(node.name);
      if (axis == plan.channel_axis.end() || !plan.selected.contains(node.name)) continue;
      const ChannelFormat format = channel_format(node.name, axis->second, options_);
      if (format.rounding != WeightRounding::kErrorAware) continue;
      if (!format.error_aware()) {
        without_[node.inputs[1]] = {node.name,
                                    "rounded to nearest: error-aware rounding is for products "
                                    "whose weight is [inputs, outputs]"};
        continue;
      }
      const std::string& weight = node.inputs[1];
      if (out_.of.contains(weight)) continue;
      if (auto factors = factors_of(node.inputs[0], graph.constant(weight)->shape()[0])) {
        out_.of.emplace(weight, std::move(factors));
        without_.erase(weight);
      } else {
        without_[weight] = {node.name,
                            "rounded to nearest: calibration saw no second moments of its input"};
      }
    }
  }

  WeightFactors finish() && {
    for (auto& [weight, declined] : without_) out_.declined.push_back(std::move(declined));
    return std::move(out_);
  }

 private:
  std::shared_ptr<const RoundingFactors> factors_of(const std::string& value, int64_t channels) {
    const auto it = moments_->find(value);
    if (it == moments_->end() || it->second.channels != channels) return nullptr;
    std::shared_ptr<const RoundingFactors>& factors = by_value_[value];
    if (!factors) {
      factors = std::make_shared<RoundingFactors>(
          std::shared_ptr<const BlockMoments>(moments_, &it->second));
    }
    return factors;
  }

  const StaticQuantizationOptions& options_;
  std::shared_ptr<const quant::Moments> moments_;
  std::map<std::string, std::shared_ptr<const RoundingFactors>> by_value_;
  std::map<std::string, Declined> without_;  // by weight
  WeightFactors out_;
};

}  // namespace

Result<std::vector<std::string>> values_for_moments(const graph::Graph& graph,
                                                    const StaticQuantizationOptions& options,
                                                    const target::QuantizationTraits& traits) {
  LAP_ASSIGN_OR_RETURN(const QuantizationPlan plan, plan_quantization(graph, options, traits));
  std::vector<std::string> out;
  std::set<std::string> known;
  for (const Node& node : graph.nodes) {
    const auto axis = plan.channel_axis.find(node.name);
    if (axis == plan.channel_axis.end() || !plan.selected.contains(node.name)) continue;
    if (!channel_format(node.name, axis->second, options).error_aware()) continue;
    if (known.insert(node.inputs[0]).second) out.push_back(node.inputs[0]);
  }
  return out;
}

WeightFactors find_weight_factors(const GraphSet& graphs,
                                  const std::vector<QuantizationPlan>& plans,
                                  const StaticQuantizationOptions& options,
                                  const std::shared_ptr<const quant::Moments>& moments) {
  if (moments == nullptr || moments->empty()) return {};
  Finder finder(options, moments);
  for (size_t i = 0; i < graphs.size(); ++i) finder.add(graphs[i].graph, plans[i]);
  return std::move(finder).finish();
}

}  // namespace lapidary::passes
