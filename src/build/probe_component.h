// Before a component is compiled: each distinct node of its graphs alone on the emulated HTP, since
// some shapes of a legal operator compute wrong numbers without a word.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "build/compile_component.h"
#include "build/plan.h"
#include "probe/node_probes.h"

namespace lapidary::build {

// Works in a folder below `staging`, which is gone afterwards. What is merely imprecise is noted.
// Errors: kUnsupported naming the first node that is wrong, refused or fails, how many there are,
// and what to do; those of probe::probe_nodes.
Result<probe::ProbeReport> probe_component(const PlannedComponent& component,
                                           const target::Target& chip, const HtpOptions& options,
                                           const std::filesystem::path& staging, const Work& work);

}  // namespace lapidary::build
