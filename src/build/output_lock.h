// One writer an output at a time: a lock file beside it, ".NAME.lapidary-lock".
//
//   const Error busy = bad_input("out/tiny-int4", "another build is writing this package");
//   LAP_ASSIGN_OR_RETURN(OutputLock lock, OutputLock::take("out/tiny-int4", busy));
//
// It belongs to the name, not to what stands there, so it holds while folders change their names.
// The file goes with the lock, unless it is told to stay. A killed process leaves it, unlocked: the
// next one takes it, and learns from it whether the former one was about to publish. File systems
// that cannot lock give no protection, but do work.
#pragma once

#include <filesystem>

#include "base/folder_handle.h"
#include "base/result.h"

namespace lapidary::build {

class OutputLock {
 public:
  // `output` has a name, in a folder that exists. Errors: `busy` when somebody holds the lock;
  // what the system says about `busy.where`; kBadInput when something else has the file's name,
  // which is neither followed nor changed.
  static Result<OutputLock> take(const std::filesystem::path& output, const Error& busy);

  OutputLock(OutputLock&& other) noexcept = default;
  OutputLock& operator=(OutputLock&& other) noexcept;
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;
  ~OutputLock();

  // Whether the lock file has the mark: of this process, or of a former one that did not get to the
  // end.
  bool publishing() const { return publishing_; }
  // Durable when it returns.
  Status mark_publishing();
  Status clear_mark();
  // The file stays when the lock goes: what was marked is not done.
  void leave_file() { leaves_file_ = true; }

 private:
  OutputLock(std::filesystem::path path, FileHandle file)
      : path_(std::move(path)), file_(std::move(file)) {}

  Status read_mark();

  std::filesystem::path path_;
  FileHandle file_;  // locked
  bool publishing_ = false;
  bool leaves_file_ = false;
};

}  // namespace lapidary::build
