#include "passes/weight_only/kquant_quantization.h"

#include "passes/weight_only/weight_rewrites.h"

namespace lapidary::passes {

Result<PassOutcome> kquant_quantization(graph::Graph graph, const KQuantOptions& options) {
  PassOutcome outcome{std::move(graph), 0, {}};
  rewrite_matmuls(outcome, options, weights::QuantMethod::kKQuant);
  finish_rewrite(outcome, options);
  return outcome;
}

BoundPass bind_kquant_quantization(JsonReader& reader) {
  KQuantOptions options = read_weight_selection(reader, {});
  reader.reject_unknown();
  Json json = options.to_json();
  return per_graph("OnnxKQuantQuantization", std::move(json), [options](graph::Graph graph) {
    return kquant_quantization(std::move(graph), options);
  });
}

}  // namespace lapidary::passes
