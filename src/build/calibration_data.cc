#include "build/calibration_data.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "base/hash.h"
#include "calibration/encoder_samples.h"
#include "contract/component.h"
#include "encoders/media_file.h"
#include "media/video.h"
#include "package/text_model.h"

namespace lapidary::build {
namespace {

using calibration::DataConfig;
using calibration::Sequence;
using encoders::MediaKind;

constexpr const char* kRemedy =
    "give texts (.txt) and chats (.jsonl) with --calibration FILE, or in the recipe's data_configs";

Result<std::vector<DataConfig>> configs_of(const recipe::Recipe& recipe,
                                           const std::vector<std::filesystem::path>& files) {
  if (!files.empty()) {
    DataConfig config;
    config.name = "--calibration";
    config.files = files;
    return std::vector<DataConfig>{std::move(config)};
  }
  if (!recipe.data_configs.empty()) return recipe.data_configs;
  return bad_input(recipe.where, "quantizes activations, and nothing is given to calibrate with",
                   kRemedy);
}

bool shows(std::span<const Sequence> sequences, bool sound) {
  return std::any_of(sequences.begin(), sequences.end(), [&](const Sequence& each) {
    return std::any_of(each.media.begin(), each.media.end(),
                       [&](const auto& item) { return (item.kind == MediaKind::kAudio) == sound; });
  });
}

// The files of an item: itself, or all that its folder holds.
Result<std::vector<std::filesystem::path>> files_of(const encoders::MediaItem& item) {
  std::vector<std::filesystem::path> out = {item.path};
  if (item.kind != MediaKind::kVideo) return out;
  checkpoint::VideoProcessorConfig every_frame;
  every_frame.do_sample_frames = false;
  LAP_ASSIGN_OR_RETURN(const auto frames, media::sample_video(item.path, every_frame, {}));
  out.clear();
  for (const media::VideoFrame& frame : frames) out.push_back(frame.path);
  return out;
}

}  // namespace

Status check_shown(const std::string& component, std::span<const Sequence> sequences) {
  const bool vision = contract::is(component, contract::Component::kVisionEncoder);
  if (!vision && !contract::is(component, contract::Component::kAudioEncoder)) return {};
  if (shows(sequences, !vision)) return {};
  return bad_input(
      component,
      fmt::format("its activations are quantized, and the calibration data has no {}",
                  vision ? "image" : "clip"),
      fmt::format("give chats (.jsonl) whose messages have parts like {{\"type\": \"{}\", "
                  "\"path\": \"...\"}}, or let the recipe leave this component out",
                  vision ? "image" : "audio"));
}

Result<CalibrationData> CalibrationData::load(const recipe::Recipe& recipe,
                                              const checkpoint::Checkpoint& checkpoint,
                                              const std::vector<std::filesystem::path>& files) {
  LAP_ASSIGN_OR_RETURN(std::vector<DataConfig> configs, configs_of(recipe, files));
  package::Manifest model;
  model.vision = package::vision_model(checkpoint.config);
  model.audio = package::audio_model(checkpoint.config);
  LAP_ASSIGN_OR_RETURN(auto reader, calibration::DataReader::open(checkpoint.files, model));
  CalibrationData out(std::move(reader));
  out.recipe_ = recipe.where;
  out.from_files_ = !files.empty();
  for (DataConfig& config : configs) {
    LAP_ASSIGN_OR_RETURN(auto sequences, out.reader_.load(config));
    out.sets_.push_back({std::move(config), std::move(sequences)});
  }
  return out;
}

Status CalibrationData::check_for(std::span<const std::string> components) const {
  LAP_ASSIGN_OR_RETURN(const auto all, sequences(""));
  for (const std::string& each : components) LAP_RETURN_IF_ERROR(check_shown(each, all));
  return {};
}

Result<std::vector<Sequence>> CalibrationData::sequences(const std::string& data_config) const {
  std::vector<Sequence> out;
  for (const Set& set : sets_) {
    if (!from_files_ && !data_config.empty() && set.config.name != data_config) continue;
    std::copy(set.sequences.begin(), set.sequences.end(), std::back_inserter(out));
  }
  if (!out.empty()) return out;
  return bad_input(recipe_, fmt::format("has no data_configs named '{}'", data_config), kRemedy);
}

Result<std::string> CalibrationData::key(const CancelToken* cancel) const {
  Fingerprint print;
  std::set<std::filesystem::path> media;
  for (const Set& set : sets_) {
    const DataConfig& config = set.config;
    print.add(config.name);
    print.add(std::to_string(static_cast<int>(config.strategy)));
    for (const int64_t number : {config.max_samples, config.max_seq_len,
                                 static_cast<int64_t>(config.add_special_tokens)}) {
      print.add(std::to_string(number));
    }
    for (const auto& file : config.files) {
      LAP_ASSIGN_OR_RETURN(const std::string hash, file_hash(file, {.cancel = cancel}));
      print.add(hash);
    }
    for (const calibration::MediaUse& use : calibration::media_of(set.sequences)) {
      LAP_ASSIGN_OR_RETURN(const auto files, files_of(use.item));
      media.insert(files.begin(), files.end());
    }
  }
  // In an order of their own: that of `media` is one of paths, which are no part of the key.
  std::multiset<std::string> hashes;
  for (const auto& file : media) {
    LAP_ASSIGN_OR_RETURN(std::string hash, encoders::content_hash(file, cancel));
    hashes.insert(std::move(hash));
  }
  for (const std::string& hash : hashes) print.add(hash);
  return print.hex();
}

}  // namespace lapidary::build
