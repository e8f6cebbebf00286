// Every distinct node of a static graph alone on the emulated HTP, against ONNX Runtime's CPU: some
// shapes of a legal op compute wrong numbers, without a word, and this is where it shows.
//
//   LAP_ASSIGN_OR_RETURN(const Graph graph, graph::load("decoder.onnx"));
//   LAP_ASSIGN_OR_RETURN(const ProbeReport report, htp::probe(graph, emulator, folder, {}));
//   report.count(Verdict::kWrong);
//
// A node is fed what the CPU computed before it, from seeded inputs of the graph. Nodes that differ
// in names and weights only are probed once (node_units.h says what counts as equal).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/progress.h"
#include "base/result.h"
#include "graph/graph.h"
#include "htp/agreement.h"
#include "htp/emulator.h"

namespace lapidary::htp {

enum class Verdict {
  kRight,
  kImprecise,  // more than rounding explains
  kWrong,
  kRefused,  // the compiler does not take it
  kFailed    // it was taken and did not come back: crash, time or memory limit, a failing run
};
std::string_view name_of(Verdict verdict);

struct ProbeLimits {
  double precise =
      5e-3;  // relative error of what is right; right fp16 and 16-bit forms: up to 2e-3
  double precise_8bit = 3e-2;  // where an activation has 8 bits
  double wrong = 1e-1;         // and of what is not merely imprecise
};

struct ProbedNode {
  std::string name;   // of the first such node
  std::string op;     // "MatMul", "com.microsoft::MatMulNBits"
  std::string forms;  // "float32[1, 8] -> float32[1, 8]"
  size_t alike = 1;   // nodes of the graph that this one stands for
  Verdict verdict = Verdict::kRight;
  Agreement agreement = {};  // of the worst output; kRight, kImprecise and kWrong only
  std::string reason;        // of kRefused and kFailed
};

struct ProbeReport {
  std::vector<ProbedNode> nodes;  // in the graph's order

  size_t count(Verdict verdict) const;
  bool passed() const;  // nothing wrong, refused or failed
  Json to_json() const;
};

// Models, logs and values are written to `folder`, which is made.
// Errors: those of reference_values(); nothing can be run at all; kCancelled.
Result<ProbeReport> probe(const graph::Graph& graph, const Emulator& emulator,
                          const std::filesystem::path& folder, uint32_t seed = 1,
                          const ProbeLimits& limits = {});

}  // namespace lapidary::htp
