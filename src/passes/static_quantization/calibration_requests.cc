#include "passes/static_quantization/calibration_requests.h"

#include <algorithm>
#include <set>
#include <utility>

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;

constexpr int64_t kMomentBlock = 128;  // channels whose errors make up for each other

bool makes(const Graph& graph, const std::string& value) {
  return graph.is_input(value) ||
         std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
           return std::find(node.outputs.begin(), node.outputs.end(), value) != node.outputs.end();
         });
}

}  // namespace

Result<quant::Ranges> CalibrationRequests::ranges(const GraphSet& graphs,
                                                  const Graph* calibration) const {
  if (!context_.calibrate) {
    return bad_input("OnnxStaticQuantization", "nothing can be calibrated here",
                     "name calibration data in the recipe's data_configs");
  }
  quant::Ranges all;
  const auto ask_for = [&](const Graph& graph, std::vector<std::string> values) {
    return ask(graph, std::move(values), all);
  };
  LAP_RETURN_IF_ERROR(for_values(graphs, calibration, &values_to_calibrate, ask_for));
  return all;
}

Result<std::shared_ptr<const quant::Moments>> CalibrationRequests::moments(
    const GraphSet& graphs, const Graph* calibration) const {
  auto all = std::make_shared<quant::Moments>();
  std::shared_ptr<const quant::Moments> found;
  const auto ask_for = [&](const Graph& graph, std::vector<std::string> values) -> Status {
    if (values.empty()) return {};
    if (!context_.moments) {
      return bad_input("OnnxStaticQuantization", "weight_rounding: nothing can be observed here",
                       "name calibration data, or round to nearest");
    }
    const MomentRequest request{graph, std::move(values), kMomentBlock, calibration_.data_config};
    LAP_ASSIGN_OR_RETURN(found, context_.moments(request));
    if (calibration == nullptr) all->insert(found->begin(), found->end());
    return {};
  };
  LAP_RETURN_IF_ERROR(for_values(graphs, calibration, &values_for_moments, ask_for));
  return calibration == nullptr ? std::shared_ptr<const quant::Moments>(all) : found;
}

Status CalibrationRequests::for_values(const GraphSet& graphs, const Graph* calibration,
                                       Values values_of, const Ask& ask_for) const {
  std::vector<std::string> wanted;
  std::set<std::string> known;
  for (const RoleGraph& each : graphs) {
    LAP_ASSIGN_OR_RETURN(std::vector<std::string> values, values_of(each.graph, options_, traits_));
    if (calibration == nullptr) {
      LAP_RETURN_IF_ERROR(ask_for(each.graph, std::move(values)));
      continue;
    }
    for (std::string& value : values) {
      if (makes(*calibration, value) && known.insert(value).second) {
        wanted.push_back(std::move(value));
      }
    }
  }
  return calibration == nullptr ? Status{} : ask_for(*calibration, std::move(wanted));
}

Status CalibrationRequests::ask(const Graph& graph, std::vector<std::string> values,
                                quant::Ranges& all) const {
  const CalibrationRequest request{graph,
                                   std::move(values),
                                   calibration_.method,
                                   calibration_.percentile,
                                   bits_of(options_.activation_type),
                                   calibration_.data_config};
  LAP_ASSIGN_OR_RETURN(const quant::Ranges found, context_.calibrate(request));
  for (const auto& [value, range] : found.all()) {
    const quant::Range* other = all.find(value);
    LAP_RETURN_IF_ERROR(all.set(value, other == nullptr ? range : quant::united(*other, range)));
  }
  return {};
}

}  // namespace lapidary::passes
