// Units' models (unit_models.h) on the emulated HTP against ONNX Runtime's CPU.
//
// Making a graph costs the compiler ten times what a small node in it does, so units are tried
// side by side in one model, each with inputs of its own, as they are in the graph that they come
// from. Only what is right there counts as right; every other unit is tried again alone, and that
// is its verdict.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "htp/emulator.h"
#include "probe/node_probes.h"
#include "probe/unit_models.h"

namespace lapidary::probe {

struct UnitVerdict {
  Verdict verdict = Verdict::kFailed;
  Difference difference = {};  // of the worst output; kRight, kImprecise and kWrong only
  std::string reason = {};     // of kRefused and kFailed
};

// One for each unit. Models, logs and values are written to `folder`, which is there.
// Errors: nothing can be run at all; kIo; kCancelled.
Result<std::vector<UnitVerdict>> unit_verdicts(std::span<const UnitModel> units,
                                               const htp::Emulator& emulator,
                                               const std::filesystem::path& folder,
                                               const ProbeLimits& limits);

}  // namespace lapidary::probe
