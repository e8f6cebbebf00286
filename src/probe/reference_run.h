// Every value of a static graph, computed by ONNX Runtime's CPU on inputs made from a seed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "ort/session.h"

namespace lapidary::probe {

using Values = std::map<std::string, ort::HostTensor>;  // by value name

// Sigma 1. The standard distributions differ between libraries; this sum of 12 uniform ones does
// not.
float gaussian(std::mt19937& random);

// Inputs for a graph: floats gaussian with sigma 1, integers 0 or 1 (legal as index, token or
// flag), bools of both kinds, quantized codes within a quarter of their range around its middle.
// Equal for equal seeds. Errors: kBadInput for an input whose shape is not fixed; kUnsupported for
// its dtype.
Result<std::vector<ort::HostTensor>> seeded_inputs(const graph::Graph& graph, uint32_t seed);

// Inputs and every node's outputs; all of them are in memory at once. The model is written to
// `folder`, its nodes are run as they stand, unfused.
// Errors: those of seeded_inputs() and of the CPU session; an input with a default is not fed.
Result<Values> reference_values(const graph::Graph& graph, uint32_t seed,
                                const std::filesystem::path& folder);

}  // namespace lapidary::probe
