// Runs a float graph on samples, on ONNX Runtime's CPU, and shows each wanted value where it is
// computed.
//
//   LAP_RETURN_IF_ERROR(observe_samples(graph, {"layers.0/MatMul"}, samples, {.scratch = folder},
//                                       [&](size_t index, const ort::Observed& value) {
//                                         return collectors[index].add(value.values);
//                                       }));
//
// All samples pass by once, whatever the number of values: each value is looked at where it is
// computed (ort/observer.h) and let go. What no value needs is not computed.
//
// A graph with more constants than RunOptions::part_bytes is run a part at a time: all samples pass
// through the first, what it hands over lies on disk (hand_over.h), then they pass through the next.
// Memory holds the session of a part and what ONNX Runtime holds in a run of one sample.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/work.h"
#include "calibration/sample_source.h"
#include "graph/graph.h"
#include "ort/observer.h"

namespace lapidary::calibration {

// Threads of ONNX Runtime in every run whose numbers become part of a package, whatever Work says.
// It cuts products into pieces by their number, sums of floats differ with the pieces, and so would
// ranges: packages must not depend on a machine's cores. (With the same number they do not: builds
// on one core and on two gave the same bytes.)
inline constexpr int kRunThreads = 4;

// What a run writes into its scratch folder, and leaves there when it is killed.
inline constexpr const char* kScratchModel = "calibration.onnx";
inline constexpr const char* kScratchModelData = "calibration.onnx.data";

// The sums of a part's session do not depend on other parts, but on where ONNX Runtime fuses nodes:
// never across a cut. So this number too decides the bytes of packages of large models.
inline constexpr int64_t kPartBytes = int64_t{1} << 30;

struct RunOptions {
  std::filesystem::path scratch;  // an existing folder; what is written there is removed again
  Work work = {};                 // of each part a stage counted in bytes and one in samples
  int64_t part_bytes = kPartBytes;
};

// Gets the index in `values`.
using Watch = std::function<Status(size_t index, const ort::Observed& value)>;

// Errors: a value that the graph does not make, that is wanted twice or whose elements are no
// float32; the first one of `watch`, the value named before it; what graph::save, ort::Session and
// the samples say. cancelled() between two samples.
Status observe_samples(const graph::Graph& graph, const std::vector<std::string>& values,
                       SampleSource& samples, const RunOptions& options, const Watch& watch);

// `error` as one about the calibration of `value`.
Error about_value(const std::string& value, Error error);

}  // namespace lapidary::calibration
