// Recipes: JSON in Olive's form that says which passes make a package.
//
//   LAP_ASSIGN_OR_RETURN(Recipe recipe, load_recipe("cpu-int4"));  // or a path to a file
//   for (const PassStep& step : recipe.steps) {
//     const passes::BoundPass* pass = step.pass_for("decoder");
//     if (pass == nullptr) continue;  // it leaves the decoder alone
//     LAP_ASSIGN_OR_RETURN(passes::SetOutcome outcome, pass->run(std::move(graphs), context));
//     graphs = std::move(outcome.graphs);
//   }
//
//   {
//     "input_model": {"type": "HfModel", "model_path": "google/gemma-4-E2B-it"},
//     "passes": {                                          run in this order
//       "build": {"type": "MobiusBuilder", "precision": "fp32"},
//       "quantize": {
//         "type": "OnnxKQuantQuantization", "bits": 4,     options, or all of them under "config"
//         "components": ["decoder"],                       globs; default: every component
//         "component_options": {"decoder": {"bits": 8}}    over those above, for one component
//       }
//     }
//   }
//
// Olive runs every pass on every component of a model and has no words for anything else, so
// "components" and "component_options" are ours. Its other keys are understood: what has no meaning
// here is accepted with a note, what would change the result and cannot be done is refused by name.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "calibration/data_config.h"
#include "passes/pass.h"
#include "recipe/build_step.h"
#include "recipe/compile_step.h"

namespace lapidary::recipe {

// One entry of "passes", its options checked for every component it runs on.
struct PassStep {
  std::string name;                                // the key in "passes"
  std::string type;                                // "OnnxKQuantQuantization"
  std::map<std::string, passes::BoundPass> bound;  // by component

  // nullptr: the pass leaves this component alone.
  const passes::BoundPass* pass_for(const std::string& component) const;
};

struct Recipe {
  std::string name;   // "cpu-int4", or the file's name without ".json"
  std::string where;  // for messages: the file, or "built-in recipe cpu-int4"
  Json json;          // as read, overrides in it
  std::optional<std::string> model_path;
  std::optional<std::string> output_dir;
  BuildStep build;              // MobiusBuilder, which every package starts with
  std::vector<PassStep> steps;  // the others
  std::vector<calibration::DataConfig> data_configs;  // of passes that calibrate
  std::optional<CompileStep> compile;  // present when context binaries for the HTP are made
  // Keys that were read past, and what was changed about a recipe for the HTP (htp_form.h).
  std::vector<std::string> notes;

  // The step of that type which runs on a component; nullptr without one.
  const passes::BoundPass* pass_of_type(const std::string& type,
                                        const std::string& component) const;
};

// A built-in recipe by its name, else a file ("./cpu-int4" is always a file). Errors name the file
// and the key; an unknown name lists the built-in ones.
// `overrides`: options changed, in order (overrides.h).
Result<Recipe> load_recipe(const std::string& name_or_file,
                           const std::vector<std::string>& overrides = {});

// Where a recipe's text comes from.
struct RecipeSource {
  std::string name;                 // Recipe::name
  std::string where;                // for messages
  std::filesystem::path base = {};  // the folder of relative files in "data_configs"
  std::vector<std::string> overrides = {};
};
Result<Recipe> parse_recipe(std::string_view text, const RecipeSource& source);

}  // namespace lapidary::recipe
