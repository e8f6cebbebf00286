// A static graph, whole, on the emulated HTP against ONNX Runtime's CPU, on made-up values: what
// the nodes that are right alone (node_probes.h) come to together.
//
//   LAP_ASSIGN_OR_RETURN(const WholeRun run,
//                        probe::run_whole("decoder/decode.1.onnx", emulator, folder));
//   if (!run.passed()) print(run.outputs[0].name, run.outputs[0].difference.cosine);
//
// The CPU runs the nodes as they stand, unfused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/work.h"
#include "graph/graph.h"
#include "htp/emulator.h"
#include "ort/session.h"
#include "probe/difference.h"

namespace lapidary::probe {

struct WholeLimits {
  double cosine = 0.9999;       // least, of each output
  double relative_error = 0.1;  // most: a cosine does not see a wrong scale
};

struct WholeSettings {
  uint32_t seed = 1;
  WholeLimits limits = {};
  // Two stages counted in nodes: the emulator's, which ends early by its own token, and the CPU's.
  Work work = {};
};

struct WholeOutput {
  std::string name;
  std::string form;            // "uint16[1, 1, 4096]"
  Difference difference = {};  // codes as distances from their zero point
};

struct WholeRun {
  std::vector<WholeOutput> outputs;  // in the graph's order
  WholeLimits limits = {};
  double compile_seconds = 0;
  double run_seconds = 0;  // emulated
  double cpu_seconds = 0;
  int64_t peak_bytes = 0;  // of the process that compiled and emulated

  double lowest_cosine() const;  // 1 without outputs
  bool passed() const;           // every output is finite and within the limits
  Json to_json() const;
};

// Inputs as seeded_inputs() makes them, but codes (integers of 8 and 16 bits) gaussian over the
// whole range of their dtype, an eighth of it as sigma: so keys, hidden states and rotary tables
// are within the range that their encoding tells. Where no code stands for a positive value (the
// zero point is the highest), the port is taken for an additive mask: half of its codes are the
// highest, half the lowest. Errors: those of seeded_inputs().
Result<std::vector<ort::HostTensor>> inputs_over_codes(const graph::Graph& graph, uint32_t seed);

// The model is compiled and run where it lies; values and logs are written to `folder`, which is
// made. Memory: about four times the model's weights in the process that compiles; in this one that
// of run_reference().
// Errors: kBadInput for a graph that cannot be read or whose shapes are not fixed; those of
// Emulator::run() and of run_reference().
Result<WholeRun> run_whole(const std::filesystem::path& model, const htp::Emulator& emulator,
                           const std::filesystem::path& folder, const WholeSettings& settings = {});

}  // namespace lapidary::probe
