// Runs a float graph on samples, on ONNX Runtime's CPU, and collects the range of each wanted
// value.
//
//   LAP_ASSIGN_OR_RETURN(auto values, passes::values_to_calibrate(graph, options));
//   LAP_ASSIGN_OR_RETURN(quant::Ranges ranges,
//                        calibrate(graph, values, samples, {.scratch = folder}));
//
// All samples pass by once, whatever the number of values: each value is looked at where it is
// computed (ort/observer.h) and let go. Memory holds the session, what ONNX Runtime holds in a run
// of one sample, and the collectors. What no value needs is not computed.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "calibration/range_collector.h"
#include "graph/graph.h"
#include "ort/session.h"
#include "quant/ranges.h"

namespace lapidary::calibration {

// Inputs of a graph, one set after the other.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  // All required inputs of the graph, by name; nothing after the last sample.
  virtual Result<std::optional<std::vector<ort::HostTensor>>> next() = 0;
  // From the first sample again.
  virtual Status rewind() = 0;
  // How many there are, 0 if that is not known: for progress alone.
  virtual int64_t count() const { return 0; }
};

struct CalibrationOptions {
  CollectorOptions collector = {};
  int threads = 0;                   // of ONNX Runtime; 0: default_threads()
  std::filesystem::path scratch;     // an existing folder; what is written there is removed again
  ProgressSink* progress = nullptr;  // told of samples, not of bytes
  const CancelToken* cancel = nullptr;
};

// Errors: a value that the graph does not make, that is wanted twice or whose elements are no
// float32; no sample; a value that is not finite, by name; a percentile outside (0, 100]; what
// graph::save and ort::Session say. cancelled() between two samples.
Result<quant::Ranges> calibrate(const graph::Graph& graph, const std::vector<std::string>& values,
                                SampleSource& samples, const CalibrationOptions& options);

}  // namespace lapidary::calibration
