// Which components of an unfinished build are done: build.journal.json in the staging folder.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "package/manifest.h"

namespace lapidary::build {

inline constexpr const char* kJournalFile = "build.journal.json";

struct FinishedComponent {
  std::string key;                         // PlannedComponent::key
  std::vector<package::FileRecord> files;  // relative to the staging folder
};

struct Journal {
  std::map<std::string, FinishedComponent> components;  // by name

  // A journal that is missing or damaged is an empty one: everything is built again.
  static Journal read(const std::filesystem::path& staging);
  Status write(const std::filesystem::path& staging) const;  // atomically
};

}  // namespace lapidary::build
