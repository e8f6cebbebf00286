// A folder of a command's own that goes when the command ends.
//
//   LAP_ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::create());
//   LAP_RETURN_IF_ERROR(work(scratch->path()));
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"

namespace lapidary {

class ScratchFolder {
 public:
  static Result<std::unique_ptr<ScratchFolder>> create();
  explicit ScratchFolder(std::filesystem::path path);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

  // Removes all folders that there are now, for a process that is about to end where it stands.
  // May be called from any thread.
  static void remove_all();

 private:
  std::filesystem::path path_;
};

}  // namespace lapidary
