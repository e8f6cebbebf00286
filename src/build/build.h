// From a checkpoint and a recipe to a package.
//
//   LAP_ASSIGN_OR_RETURN(recipe::Recipe recipe, recipe::load_recipe("cpu-int4"));
//   LAP_ASSIGN_OR_RETURN(BuildSummary summary,
//                        build_package(recipe, {.checkpoint = "ckpt", .output = "tiny-int4"}));
//
// The package grows in OUTPUT.partial and is renamed when it is whole. What happens to a build that
// does not get there:
//   an error (bad input, full disk, ...)  nothing is left behind
//   interrupted or killed                 the finished components stay in OUTPUT.partial, and the
//                                         next build of the same thing goes on from them; context
//                                         binaries that were finished are in the cache
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "build/compile_component.h"
#include "build/plan.h"
#include "build/plan_report.h"
#include "checkpoint/adapter.h"
#include "package/manifest.h"
#include "recipe/recipe.h"

namespace lapidary::build {

struct BuildOptions {
  std::filesystem::path checkpoint;
  std::vector<checkpoint::AdapterSource> adapters = {};  // added to its weights
  std::filesystem::path chat_template = {};  // of this file, not the checkpoint's; empty: its own
  std::filesystem::path output;
  bool force = false;  // replace a package that is there
  // Texts and chats to calibrate with, instead of what the recipe's data_configs name.
  std::vector<std::filesystem::path> calibration = {};
  HtpOptions htp = {};
  // An error for every weight that a pass rounds to 4 bits although it lies on a grid of its own,
  // or because it lies on none (recovered_grids.h).
  bool require_grid = false;
  Work work = {};
};

struct ComponentSummary {
  std::string name;
  int64_t nodes = 0;
  uint64_t bytes = 0;    // of its files
  bool resumed = false;  // found finished, not built
  std::vector<PassReport> passes;
};

struct BuildSummary {
  package::Manifest manifest;
  std::vector<ComponentSummary> components;
  std::vector<CompiledPart> contexts;  // what was compiled for the HTP
  PlanReport plan;                     // what was expected (compare() in plan_comparison.h)
  uint64_t peak_resident_bytes = 0;    // of this process so far
  uint64_t bytes = 0;                  // of the whole package
  uint64_t read_bytes = 0;             // of the checkpoint's tensors
  double seconds = 0;
};

// Notes what is odd about the checkpoint (Checkpoint::notes), which the manifest records as well,
// and what the target objects to in graphs that are compiled (plan_findings.h), and goes on.
// Errors: whatever is wrong with checkpoint or recipe, before anything is written; no space; an
// output in use or in the way; cancelled.
Result<BuildSummary> build_package(const recipe::Recipe& recipe, const BuildOptions& options);

}  // namespace lapidary::build
