// Inside OnnxStaticQuantization: the encoding of each group of the plans.
#pragma once

#include <string>
#include <vector>

#include "passes/static_quantization/encoding_groups.h"
#include "quant/ranges.h"

namespace lapidary::passes {

struct Encoding {
  DType type = DType::kUint16;
  quant::Affine affine;
  std::string name;  // of the group: its first value
};

// One list for each of the plans, one encoding for each of a plan's groups. plans[i] is that of
// graphs[i]. Groups of different graphs that have a value's name in common share one encoding,
// found from the members of all of them: what has one name has one encoding throughout.
//
// An input without a range takes that of its group: nobody can observe the caches of the past.
// Errors: another value without a range, overrides that disagree.
Result<std::vector<std::vector<Encoding>>> encode_groups(
    const std::vector<const graph::Graph*>& graphs, const std::vector<QuantizationPlan>& plans,
    const quant::Ranges& ranges, const StaticQuantizationOptions& options,
    const target::QuantizationTraits& traits);

}  // namespace lapidary::passes
