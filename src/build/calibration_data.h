// What a recipe, or --calibration, gives to calibrate with, read once.
//
//   LAP_ASSIGN_OR_RETURN(auto data, CalibrationData::load(recipe, checkpoint, {"chats.jsonl"}));
//   const std::vector<std::string> components = {"vision_encoder", "decoder"};
//   LAP_RETURN_IF_ERROR(data.check_for(components));
//   LAP_ASSIGN_OR_RETURN(auto sequences, data.sequences("wikitext"));
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "calibration/data.h"
#include "calibration/data_config.h"
#include "checkpoint/checkpoint.h"
#include "recipe/recipe.h"

namespace lapidary::build {

class CalibrationData {
 public:
  // `files`, if there are any, take the place of all data_configs. Errors: no data at all; those of
  // DataReader.
  static Result<CalibrationData> load(const recipe::Recipe& recipe,
                                      const checkpoint::Checkpoint& checkpoint,
                                      const std::vector<std::filesystem::path>& files);

  // Whether the data shows these components anything: an encoder needs images or clips.
  Status check_for(std::span<const std::string> components) const;
  // Of the data_config that a pass names; "": of all. Error: there is none of that name.
  Result<std::vector<calibration::Sequence>> sequences(const std::string& data_config) const;
  // Names the data's content, that of images and clips included, and how it is read: what is found
  // with other data is other. Errors: kIo; those of content_hash; kCancelled.
  Result<std::string> key(const CancelToken* cancel) const;
  const calibration::DataReader& reader() const { return reader_; }

 private:
  struct Set {
    calibration::DataConfig config;
    std::vector<calibration::Sequence> sequences;
  };

  explicit CalibrationData(calibration::DataReader reader) : reader_(std::move(reader)) {}

  calibration::DataReader reader_;
  std::vector<Set> sets_;
  std::string recipe_;       // where it is from
  bool from_files_ = false;  // data_configs do not matter
};

// Nothing to do for `component` with these sequences: the error that says what to give, if so.
Status check_shown(const std::string& component, std::span<const calibration::Sequence> sequences);

}  // namespace lapidary::build
