// Inside OnnxStaticQuantization: the encoding of each group of a plan.
#pragma once

#include <vector>

#include "passes/encoding_groups.h"
#include "quant/ranges.h"

namespace lapidary::passes {

struct Encoding {
  quant::IntegerType type = quant::IntegerType::kUint16;
  quant::Affine affine;
};

// One for each of plan.groups. Errors: a value without a range, overrides that disagree.
Result<std::vector<Encoding>> encode_groups(const graph::Graph& graph, const QuantizationPlan& plan,
                                            const quant::Ranges& ranges,
                                            const StaticQuantizationOptions& options);

}  // namespace lapidary::passes
