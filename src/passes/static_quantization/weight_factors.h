// Inside OnnxStaticQuantization: which weights are rounded with which second moments in mind.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "passes/static_quantization/encoding_groups.h"
#include "quant/error_aware_rounding.h"

namespace lapidary::passes {

struct WeightFactors {
  // By the weight's name; what is not here is rounded to nearest.
  std::map<std::string, std::shared_ptr<const quant::RoundingFactors>> of;
  std::vector<Declined> declined;
};

// plans[i] is that of graphs[i]. A weight that several nodes or graphs read is rounded once, for
// the first of their inputs of which moments are known; weights of one input share their factors.
// Declined, by node: a weight whose rows are output channels, and one of whose inputs nothing is
// known. No moments at all, nullptr or none in the map: a plan; nothing is declined.
WeightFactors find_weight_factors(const GraphSet& graphs,
                                  const std::vector<QuantizationPlan>& plans,
                                  const StaticQuantizationOptions& options,
                                  const std::shared_ptr<const quant::Moments>& moments);

}  // namespace lapidary::passes
