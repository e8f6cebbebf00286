// The graphs of one component, written into the staging folder.
#pragma once

#include <filesystem>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "build/plan.h"
#include "package/manifest.h"

namespace lapidary::build {

struct ComponentSaving {
  size_t threads = 0;  // 0: all cores
  ProgressSink* progress = nullptr;
  const CancelToken* cancel = nullptr;
};

// The files written, with their checksums. Errors: those of graph::save.
Result<std::vector<package::FileRecord>> save_component(const PlannedComponent& component,
                                                        const std::filesystem::path& staging,
                                                        const ComponentSaving& options);

// Records of files written otherwise, relative to `staging`.
Result<std::vector<package::FileRecord>> record_files(const std::vector<std::string>& files,
                                                      const std::filesystem::path& staging,
                                                      const ComponentSaving& options);

}  // namespace lapidary::build
