// Every distinct node of static graphs alone on the emulated HTP, against ONNX Runtime's CPU: some
// shapes of a legal op compute wrong numbers, without a word, and this is where it shows.
//
//   const std::vector<graph::Graph> graphs = {prefill, decode};
//   LAP_ASSIGN_OR_RETURN(const ProbeReport report,
//                        probe::probe_nodes(graphs, emulator, folder, {.cache = home}));
//   if (!report.passed()) print(report.to_json().dump());
//
// A node is fed made-up values, over the range that its inputs' encodings tell (unit_models.h).
// Nodes that differ in names and weights only, in whichever graph, are probed once (node_units.h
// says what counts as equal); a cache remembers them from call to call. Distinct nodes are tried
// side by side in one model, and what is not right there again alone (unit_verdicts.h). In memory
// and on disk are a few nodes at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/cache_folder.h"
#include "base/json.h"
#include "base/result.h"
#include "base/work.h"
#include "graph/graph.h"
#include "htp/emulator.h"
#include "probe/difference.h"

namespace lapidary::probe {

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

struct ProbeSettings {
  uint32_t seed = 1;
  ProbeLimits limits = {};
  // Results by node, chip, stack and provider options, in a folder of at most so many bytes
  // (base/cache_folder.h); "": none are kept. An entry that is damaged is probed again, with a note.
  std::filesystem::path cache = {};
  uint64_t cache_bytes = kDefaultCacheBytes;
  // A stage counted in distinct nodes; before it, for a graph with an operator whose shapes are not
  // known, one of nodes that run on the CPU, with so many threads. The emulator's runs end early by
  // the emulator's own token.
  Work work = {};
};

struct ProbedNode {
  std::string graph;  // Graph::name of the first graph that has it
  std::string name;   // of the first such node
  std::string op;     // "MatMul", "com.microsoft::MatMulNBits"
  std::string forms;  // "float32[1, 8] -> float32[1, 8]"
  size_t alike = 1;   // nodes of all graphs that this one stands for
  bool cached = false;
  Verdict verdict = Verdict::kRight;
  Difference difference = {};  // of the worst output; kRight, kImprecise and kWrong only
  std::string reason;          // of kRefused and kFailed
};

struct ProbeReport {
  std::vector<ProbedNode> nodes;  // in the graphs' order

  size_t count(Verdict verdict) const;
  bool passed() const;  // nothing wrong, refused or failed
  Json to_json() const;
  // The same without what was measured and how it came about: what two builds have in common.
  Json verdicts_json() const;
};

// Models, logs and values are written to `folder`, which is made.
// Errors: kBadInput for an input whose shape is not fixed; nothing can be run at all; kIo;
// kCancelled.
Result<ProbeReport> probe_nodes(std::span<const graph::Graph> graphs, const htp::Emulator& emulator,
                                const std::filesystem::path& folder,
                                const ProbeSettings& settings = {});

}  // namespace lapidary::probe
