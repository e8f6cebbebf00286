// A static graph on ONNX Runtime's CPU, its nodes as they stand, on inputs made from a seed.
//
//   LAP_ASSIGN_OR_RETURN(auto inputs, seeded_inputs(graph, 1));
//   LAP_ASSIGN_OR_RETURN(const ReferenceRun run,
//                        run_reference(graph, std::move(inputs), folder, {.work = work}));
//   const std::vector<std::byte>& bytes = run.outputs[0].data;
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <random>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "graph/graph.h"
#include "ort/session.h"

namespace lapidary::probe {

// Sigma 1. The standard distributions differ between libraries; this sum of 12 uniform ones does
// not.
float gaussian(std::mt19937& random);

// Inputs for a graph: floats gaussian with sigma 1, integers 0 or 1 (legal as index, token or
// flag), bools of both kinds, quantized codes within a quarter of their range around its middle.
// Equal for equal seeds. Errors: kBadInput for an input whose shape is not fixed; kUnsupported for
// its dtype.
Result<std::vector<ort::HostTensor>> seeded_inputs(const graph::Graph& graph, uint32_t seed);

struct ReferenceSettings {
  Work work = {};  // threads of ONNX Runtime too; a stage counted in nodes
  // Is shown every value that a node makes, once. (More is in memory then: all values of some nodes
  // and not only those that later nodes read.)
  std::function<void(const ort::HostTensor&)> see = {};
};

struct ReferenceRun {
  std::vector<ort::HostTensor> outputs;  // in the graph's order
  double seconds = 0;                    // of running, without loading weights
};

// Runs the nodes some at a time, unfused. In memory, and in files in `folder`, are the weights of
// those nodes and the values that later ones read. What only constants reach is computed where it
// is read. An input with a default is not fed.
// Errors: those of the CPU session; kUnsupported for an output that no node makes; kIo; kCancelled.
Result<ReferenceRun> run_reference(const graph::Graph& graph, std::vector<ort::HostTensor> inputs,
                                   const std::filesystem::path& folder,
                                   const ReferenceSettings& settings = {});

tensor::TensorType type_of(const ort::HostTensor& tensor);

}  // namespace lapidary::probe
