// The folder in which a package grows, and the moment it becomes the package.
//
//   LAP_ASSIGN_OR_RETURN(Staging staging, Staging::open("out/tiny-int4", {.force = false}));
//   LAP_RETURN_IF_ERROR(write_file(staging.dir() / "lapidary.json", text));
//   LAP_RETURN_IF_ERROR(staging.publish());  // or staging.discard()
//
// Until then it is "out/tiny-int4.partial", locked while the Staging lives; a killed process leaves
// the folder, not the lock.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"

namespace lapidary::build {

struct StagingOptions {
  bool force = false;  // replace the package that is there
};

class Staging {
 public:
  // Errors: something that is no package stands at `output`; a package stands there and `force` is
  // not set; the .partial folder is in use by another build, or is none of ours; the place is not
  // writable.
  static Result<Staging> open(const std::filesystem::path& output, const StagingOptions& options);

  Staging(Staging&& other) noexcept;
  Staging& operator=(Staging&&) = delete;
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging();

  const std::filesystem::path& dir() const { return dir_; }
  const std::filesystem::path& output() const { return output_; }

  // Flushes to disk and renames to the output, in one step: a reader sees the old package or the
  // new one.
  Status publish();
  // Removes everything this build made.
  void discard();

 private:
  Staging(std::filesystem::path output, std::filesystem::path dir, bool force)
      : output_(std::move(output)), dir_(std::move(dir)), force_(force) {}

  Status create();
  Status lock();
  Status refuse_foreign() const;
  Status swap_with_old();

  std::filesystem::path output_;
  std::filesystem::path dir_;
  bool force_;
  int fd_ = -1;                                 // of the folder, locked
  std::vector<std::filesystem::path> parents_;  // folders made on the way, outermost first
};

// Refuses an output that could not be published, before any work is done. Part of Staging::open.
Status check_output(const std::filesystem::path& output, bool force);

}  // namespace lapidary::build
