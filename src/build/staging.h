// The folder in which a package grows, and the moment it becomes the package.
//
//   LAP_ASSIGN_OR_RETURN(Staging staging, Staging::open("out/tiny-int4", {.force = false}));
//   LAP_RETURN_IF_ERROR(write_file(staging.dir() / "lapidary.json", text));
//   LAP_RETURN_IF_ERROR(staging.publish());  // or staging.discard()
//
// Until then it is "out/tiny-int4.partial", and the output is locked (output_lock.h) while the
// Staging lives and has neither published nor discarded; a killed process leaves the folder, not
// the lock.
//
// Nothing is deleted but what a manifest or a journal of ours stands for (owned_files.h): not in a
// folder that is found under the name of the .partial one, nor in a package that is replaced. What
// is not ours is named, and refused before any work. At every moment there is the old package or
// the new one.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "build/output_lock.h"
#include "build/owned_files.h"

namespace lapidary::build {

// Exchanges what two names stand for, in one step. 0, or -1 with errno: EINVAL or ENOSYS where the
// file system cannot.
using ExchangeNames = int (*)(const char* a, const char* b);
int exchange_names(const char* a, const char* b);

struct StagingOptions {
  bool force = false;  // replace the package that is there
  Work work = {};      // is told what could not be cleared away after the publication
  ExchangeNames exchange = exchange_names;  // for tests: a file system that cannot
};

class Staging {
 public:
  // Takes up the .partial folder that a killed build left, or makes one, with a journal in it.
  // Errors: those of check_output; another build writes this output; something that no build left
  // has the .partial name, a link or a package somebody named so included; a package would be
  // replaced on a file system that cannot do so in one step; the place is not writable.
  static Result<Staging> open(const std::filesystem::path& output, const StagingOptions& options);

  Staging(Staging&& other) = default;
  Staging& operator=(Staging&&) = delete;
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() = default;

  const std::filesystem::path& dir() const { return dir_; }
  const std::filesystem::path& output() const { return output_; }

  // Removes what is in the folder but `files`, relative to it, and the journal.
  Status keep_only(const std::set<std::string>& files);
  // Sees that all files of the manifest are there with their sizes and nothing else is, flushes
  // everything to disk, and gives the folder the output's name, in one step: a reader sees the old
  // package or the new one. Then the old package goes, and the lock.
  // After an error nothing is published; what goes wrong after the publication is noted.
  Status publish();
  // Removes everything this build made.
  void discard();

 private:
  Staging(std::filesystem::path output, std::filesystem::path dir, const StagingOptions& options)
      : output_(std::move(output)), dir_(std::move(dir)), options_(options) {}

  Status prepare();
  Status claim();
  Status claim_contents();
  Status check_exchange();
  Status check_whole() const;
  bool replaces() const;
  void clear_former();
  void release();

  std::filesystem::path output_;
  std::filesystem::path dir_;
  StagingOptions options_;
  bool made_ = false;  // the folder was not there before
  std::optional<OutputLock> lock_;
  std::vector<std::filesystem::path> parents_;  // folders made on the way, outermost first
};

// Refuses an output that could not be published, before any work is done. Part of Staging::open.
// Errors: something that is no package stands there; a package, and `force` is not set; with
// `force`, a package whose manifest cannot be read, or with a file in it that the manifest does not
// list.
Status check_output(const std::filesystem::path& output, bool force);

}  // namespace lapidary::build
