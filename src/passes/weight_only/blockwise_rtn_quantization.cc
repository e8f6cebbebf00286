#include "passes/weight_only/blockwise_rtn_quantization.h"

#include "passes/weight_only/weight_rewrites.h"

namespace lapidary::passes {

Result<PassOutcome> blockwise_rtn_quantization(graph::Graph graph,
                                               const BlockwiseRtnOptions& options) {
  PassOutcome outcome{std::move(graph), 0, {}};
  rewrite_matmuls(outcome, options, weights::QuantMethod::kRtn);
  rewrite_gathers(outcome, options, weights::QuantMethod::kRtn);
  finish_rewrite(outcome, options);
  return outcome;
}

BoundPass bind_blockwise_rtn_quantization(JsonReader& reader) {
  BlockwiseRtnOptions defaults;
  defaults.format.block_size = 128;
  defaults.format.symmetric = true;
  BlockwiseRtnOptions options = read_weight_selection(reader, std::move(defaults));
  // Rows are always cut along the last dim, the only form the operators take; Olive ignores it too.
  reader.ignore({"axis"});
  reader.reject_unknown();
  Json json = options.to_json();
  return per_graph("OnnxBlockWiseRtnQuantization", std::move(json), [options](graph::Graph graph) {
    return blockwise_rtn_quantization(std::move(graph), options);
  });
}

}  // namespace lapidary::passes
