// Which components of an unfinished build are done: build.journal.json in the staging folder.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "package/manifest.h"

namespace lapidary::build {

inline constexpr const char* kJournalFile = "build.journal.json";

struct FinishedComponent {
  std::string key;                         // PlannedComponent::key
  std::vector<package::FileRecord> files;  // relative to the staging folder
  // What the manifest says of it beside: of a calibrated component.
  std::optional<package::Calibration> calibration = std::nullopt;
  std::optional<package::Agreement> agreement = std::nullopt;
};

struct Journal {
  std::map<std::string, FinishedComponent> components;  // by name
  // Of every tensor that was read until the last of them was finished,
  // StoredTensors::tensor_hashes. (The keys cover samples only. One component may be calibrated by
  // others, so they share the list.)
  std::map<std::string, std::string> sources;

  // A journal that is missing or damaged is an empty one: everything is built again.
  static Journal read(const std::filesystem::path& staging);
  Status write(const std::filesystem::path& staging) const;  // atomically
};

}  // namespace lapidary::build
