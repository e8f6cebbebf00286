// Passes as a recipe names them, run on a decoder's graphs; and graphs run on ONNX Runtime's CPU.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "ort/session.h"
#include "passes/pass.h"

namespace lapidary::golden {

using Values = std::map<std::string, ort::HostTensor>;  // by name

using Calibrate = decltype(passes::PassContext::calibrate);
// Ranges found on random samples, in `scratch`.
Calibrate random_calibration(const std::filesystem::path& scratch, int samples = 3);
// [-1, 1] for every value.
Calibrate unit_calibration();

// Runs the passes of a JSON list [{"type": "StaticLLM", ...}, ...] on one graph. Throws what goes
// wrong.
passes::SetOutcome run_passes(graph::Graph graph, const std::string& passes,
                              const Calibrate& calibrate);

// Random inputs of the float32 graph, masks and rotary tables those of a prompt's start.
Values random_inputs(const graph::Graph& graph, uint32_t seed);
// As the integers of the integer ports of `graph`.
Values encoded(const graph::Graph& graph, Values inputs);

// All outputs, computed operator by operator; inputs the graph does not have are left out.
Values run_graph(const graph::Graph& graph, const Values& inputs,
                 const std::filesystem::path& scratch);

}  // namespace lapidary::golden
