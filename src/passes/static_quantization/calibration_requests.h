// Inside OnnxStaticQuantization: what it asks of the pass context, and of which graphs.
//
//   const CalibrationRequests requests(context, calibration, options, traits);
//   LAP_ASSIGN_OR_RETURN(const quant::Ranges ranges, requests.ranges(graphs, &observed));
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "passes/static_quantization/static_quantization.h"

namespace lapidary::passes {

struct CalibrationOptions {
  std::string method = "min_max";  // as CalibrationRequest says
  double percentile = 99.999;
  std::string data_config;  // which of the recipe's data_configs; "": all
};

// Keeps references to all that it is made of. `calibration` below is the graph on which everything
// is found that it computes; nullptr: each graph is asked for its own values.
class CalibrationRequests {
 public:
  CalibrationRequests(const PassContext& context, const CalibrationOptions& calibration,
                      const StaticQuantizationOptions& options,
                      const target::QuantizationTraits& traits)
      : context_(context), calibration_(calibration), options_(options), traits_(traits) {}

  // Of the values that `graphs` need. kBadInput: the context cannot calibrate.
  Result<quant::Ranges> ranges(const GraphSet& graphs, const graph::Graph* calibration) const;

  // Second moments, likewise; none when no weight is rounded error-aware. kBadInput: some are
  // wanted and the context cannot observe.
  Result<std::shared_ptr<const quant::Moments>> moments(const GraphSet& graphs,
                                                        const graph::Graph* calibration) const;

 private:
  using Values = Result<std::vector<std::string>> (*)(const graph::Graph&,
                                                      const StaticQuantizationOptions&,
                                                      const target::QuantizationTraits&);
  using Ask = std::function<Status(const graph::Graph&, std::vector<std::string>)>;

  // Asks the calibration graph for the values of all graphs that it makes, or each graph for its
  // own.
  Status for_values(const GraphSet& graphs, const graph::Graph* calibration, Values values_of,
                    const Ask& ask_for) const;
  // Adds the ranges found on one graph to `all`.
  Status ask(const graph::Graph& graph, std::vector<std::string> values, quant::Ranges& all) const;

  const PassContext& context_;
  const CalibrationOptions& calibration_;
  const StaticQuantizationOptions& options_;
  const target::QuantizationTraits& traits_;
};

}  // namespace lapidary::passes
