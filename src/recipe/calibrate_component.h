// Ranges of activations for the passes of a component that ask for them.
//
//   Calibrator calibrator(recipe, checkpoint, staging, {.files = {"chats.jsonl"}});
//   LAP_ASSIGN_OR_RETURN(PlannedComponent decoder,
//                        plan_component("decoder", ..., calibrator.context("decoder")));
//   calibrator.ranges()      // shipped in the package
//
// The decoder sees texts and chats through the package's own embedding, as it will when it runs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "calibration/data_config.h"
#include "checkpoint/checkpoint.h"
#include "passes/pass.h"
#include "quant/ranges.h"
#include "recipe/recipe.h"
#include "runtime/prompt.h"

namespace lapidary::recipe {

struct CalibratorOptions {
  std::vector<std::filesystem::path> files = {};  // instead of the recipe's data_configs
  int threads = 0;
  ProgressSink* progress = nullptr;
  const CancelToken* cancel = nullptr;
};

class Calibrator {
 public:
  // `staging` holds the finished embedding.
  Calibrator(const Recipe& recipe, const checkpoint::Checkpoint& checkpoint,
             std::filesystem::path staging, CalibratorOptions options);

  // Reads the data and reports what is wrong with it, before anything is written.
  // Errors: no data at all; those of calibration::load_calibration_data.
  Status check_data() const;
  // Names the data's content and the options: ranges found with other ones are others.
  Result<std::string> key() const;
  // Valid as long as the Calibrator. Errors of its calls: a component other than the decoder; those
  // of calibration::calibrate.
  passes::PassContext context(const std::string& component);
  // All that was found so far.
  const quant::Ranges& ranges() const { return ranges_; }

 private:
  // The data a pass names; "": all.
  Result<std::vector<calibration::DataConfig>> configs(const std::string& name) const;
  Result<std::vector<runtime::Prompt>> sequences(const std::string& name) const;
  Result<quant::Ranges> calibrate(const std::string& component,
                                  const passes::CalibrationRequest& request);

  const Recipe& recipe_;
  const checkpoint::Checkpoint& checkpoint_;
  std::filesystem::path staging_;
  CalibratorOptions options_;
  quant::Ranges ranges_;
};

}  // namespace lapidary::recipe
