// What a build will do, worked out before anything is written: every graph after its passes, every
// byte count. Takes milliseconds whatever the model's size, since weights are lazy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "graph/graph.h"
#include "package/manifest.h"
#include "passes/graph_set.h"
#include "passes/pass.h"
#include "recipe/recipe.h"
#include "target/soc.h"

namespace lapidary::build {

// What one pass did to one component.
struct PassReport {
  std::string name;  // the recipe's name for it
  std::string type;
  int64_t rewritten = 0;
  std::vector<passes::Declined> declined;
  passes::GridUse grids = {};
};

struct PlannedGraph {
  contract::Role role = contract::Role::kModel;
  graph::Graph graph;           // ready to be saved
  package::GraphRecord record;  // what the manifest will say of it
  int64_t data_bytes = 0;       // of weights
};

// A component on its way through the passes of a recipe.
struct PassProgress {
  passes::GraphSet graphs;
  size_t next_step = 0;  // of Recipe::steps
  std::vector<PassReport> reports;
};

struct PlannedComponent {
  std::string name;
  std::vector<PlannedGraph> graphs;
  std::vector<PassReport> passes;
  std::optional<package::FixedModel> fixed_model;      // of a decoder of fixed lengths
  std::optional<package::FixedEncoder> fixed_encoder;  // of an encoder of fixed length
  // A pass wanted ranges of activations: a plan without calibration has made-up encodings, right in
  // dtypes and bytes.
  bool calibrated = false;
  // Of a calibrated one, what no range has a say in: with_ranges() goes on from here.
  std::optional<PassProgress> before_ranges;
  // Of the float graphs that are run for it: the most weights held at once, and the largest value.
  int64_t calibration_weight_bytes = 0;
  int64_t calibration_value_bytes = 0;
  int64_t ranges_bytes = 0;  // of the ranges as JSON
  // Covers the program's version, the sources, the options of the passes and the graphs with their
  // tensor expressions: a finished component with the same key need not be made again. (What is
  // calibrated with is not in it.)
  std::string key;

  int64_t data_bytes() const;
  int64_t nodes() const;
};

struct Plan {
  std::string source_hash;            // Checkpoint::source_hash: of samples
  target::QuantizationTraits traits;  // of the target whose forms the graphs have
  std::vector<PlannedComponent> components;
};

// For PassContext::moments where none were collected: rounding is to nearest then.
Result<std::shared_ptr<const quant::Moments>> no_moments(const passes::MomentRequest& request);

// `chip`: what the recipe compiles for (chip_of in compile_component.h); without one the graphs
// have the forms of target::kReferenceArch. Errors besides those of passes: kUnsupported for a chip
// without a record.
Result<Plan> make_plan(const recipe::Recipe& recipe, const checkpoint::Checkpoint& checkpoint,
                       const std::optional<target::Target>& chip);

// A calibrated component with what `context` finds, or is told, in place of its made-up encodings.
// Only the passes from the first that asks on run again; the key and what was counted stay. Errors:
// those of the passes and of `context`; kInternal for a component that is not calibrated.
Result<PlannedComponent> with_ranges(PlannedComponent component, const recipe::Recipe& recipe,
                                     const passes::PassContext& context);

}  // namespace lapidary::build
