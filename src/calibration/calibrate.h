// The range of each wanted value of a float graph over samples.
//
//   LAP_ASSIGN_OR_RETURN(auto values, passes::values_to_calibrate(graph, options, traits));
//   LAP_ASSIGN_OR_RETURN(quant::Ranges ranges,
//                        calibrate(graph, values, samples, {}, {.scratch = folder}));
#pragma once

#include <string>
#include <vector>

#include "calibration/observed_run.h"
#include "calibration/range_collector.h"
#include "graph/graph.h"
#include "quant/ranges.h"

namespace lapidary::calibration {

// Errors: those of observe_samples; no sample; a value that is not finite, by name; a percentile
// outside (0, 100].
Result<quant::Ranges> calibrate(const graph::Graph& graph, const std::vector<std::string>& values,
                                SampleSource& samples, const CollectorOptions& collector,
                                const RunOptions& options);

}  // namespace lapidary::calibration
