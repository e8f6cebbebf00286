// Inside OnnxStaticQuantization: the rewrite of one graph, once its groups have their encodings.
#pragma once

#include <vector>

#include "passes/static_quantization/encoding_groups.h"
#include "passes/static_quantization/group_encodings.h"
#include "passes/static_quantization/weight_factors.h"

namespace lapidary::passes {

// `encodings`: one for each of plan.groups. Scales and zero points are initializers named after
// Encoding::name. `factors`: of the weights that are rounded error-aware.
PassOutcome insert_qdq(graph::Graph graph, QuantizationPlan plan, std::vector<Encoding> encodings,
                       const WeightFactors& factors, const StaticQuantizationOptions& options,
                       const target::QuantizationTraits& traits);

}  // namespace lapidary::passes
