// The graphs of one component, written into the staging folder.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "build/plan.h"
#include "package/manifest.h"

namespace lapidary::build {

// The files written, with their checksums: two stages counted in bytes. Errors: those of
// graph::save.
Result<std::vector<package::FileRecord>> save_component(const PlannedComponent& component,
                                                        const std::filesystem::path& staging,
                                                        const Work& work);

// Records of files written otherwise, relative to `staging`. Advances `work` by bytes.
Result<std::vector<package::FileRecord>> record_files(const std::vector<std::string>& files,
                                                      const std::filesystem::path& staging,
                                                      const Work& work);

}  // namespace lapidary::build
