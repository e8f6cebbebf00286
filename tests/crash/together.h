// Two programs at once on the same package.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "crash/scenario.h"

namespace lapidary::crash {

// What the trials are held against, made once.
struct TogetherReferences {
  Scenario replace;                // cpu-fp32 by cpu-int4
  Scenario reweigh;                // cpu-int4 of other weights by cpu-int4
  Tree old_export, new_export;     // of the latter's packages
  std::string old_text, new_text;  // what they answer
};
TogetherReferences together_references(const Bench& bench, const std::filesystem::path& scratch);

// two-builds, two-first-builds, build-and-run, build-and-export.
std::vector<std::string> together_names();

// One trial in a new folder, its delays drawn from `seed`. Returns what is wrong; "": nothing.
// `found`: what was there in the end, before the build was repeated.
std::string try_together(const Bench& bench, const TogetherReferences& references,
                         const std::string& name, const std::filesystem::path& folder,
                         uint64_t seed, Found& found);

}  // namespace lapidary::crash
