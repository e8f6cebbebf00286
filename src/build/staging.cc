#include "build/staging.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "build/journal.h"
#include "package/manifest.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;

// Absolute, without "..", "." or a trailing slash, so that a sibling can be named.
fs::path plain_path(const fs::path& path) {
  std::error_code ignored;
  fs::path out = fs::absolute(path, ignored).lexically_normal();
  return out.has_filename() ? out : out.parent_path();
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

Status remove_tree(const fs::path& path) {
  std::error_code problem;
  fs::remove_all(path, problem);
  if (problem) return system_error(path, problem.value());
  return {};
}

}  // namespace

Status check_output(const fs::path& output, bool force) {
  const fs::path path = plain_path(output);
  std::error_code ignored;
  if (!is_there(path)) return {};
  if (!fs::is_directory(fs::symlink_status(path, ignored))) {
    return bad_input(output.string(), "is in the way", "choose another output");
  }
  if (fs::is_empty(path, ignored)) return {};
  if (!is_there(path / package::kManifestFile)) {
    return bad_input(output.string(), "is a folder with other things in it",
                     "choose another output");
  }
  if (!force) {
    return bad_input(output.string(), "is a package already", "replace it with --force");
  }
  return {};
}

Result<Staging> Staging::open(const fs::path& output, const StagingOptions& options) {
  LAP_RETURN_IF_ERROR(check_output(output, options.force));
  const fs::path path = plain_path(output);
  fs::path dir = path;
  dir += ".partial";
  Staging staging(path, dir, options.force);
  LAP_RETURN_IF_ERROR(staging.create());
  LAP_RETURN_IF_ERROR(staging.lock());
  if (Status status = staging.refuse_foreign(); !status.ok()) {
    ::close(std::exchange(staging.fd_, -1));
    return status.take_error();
  }
  return staging;
}

Staging::Staging(Staging&& other) noexcept
    : output_(std::move(other.output_)),
      dir_(std::move(other.dir_)),
      force_(other.force_),
      fd_(std::exchange(other.fd_, -1)),
      parents_(std::move(other.parents_)) {}

Staging::~Staging() {
  if (fd_ >= 0) ::close(fd_);
}

Status Staging::create() {
  std::vector<fs::path> missing;
  for (fs::path at = dir_; !is_there(at) && at.has_relative_path(); at = at.parent_path()) {
    missing.insert(missing.begin(), at);
  }
  for (const fs::path& path : missing) {
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
      Error error = system_error(path, errno);
      discard();
      return error;
    }
    if (path != dir_) parents_.push_back(path);
  }
  return {};
}

Status Staging::lock() {
  fd_ = ::open(dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) return system_error(dir_, errno);
  const Error busy = bad_input(dir_.string(), "another build is writing this package",
                               "wait for it, or choose another output");
  // File systems that cannot lock a folder (EBADF, ENOLCK, ...) give no protection, but do build.
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(std::exchange(fd_, -1));
    return busy;
  }
  // The other build may have published the folder between our open and our lock.
  struct stat locked {};
  struct stat named {};
  if (::fstat(fd_, &locked) != 0 || ::stat(dir_.c_str(), &named) != 0 ||
      locked.st_ino != named.st_ino) {
    ::close(std::exchange(fd_, -1));
    return busy;
  }
  return {};
}

// A folder of this name that no build of ours left must not be emptied.
Status Staging::refuse_foreign() const {
  std::error_code problem;
  bool ours = is_there(dir_ / kJournalFile) || is_there(dir_ / package::kManifestFile);
  if (ours) return {};
  for (const auto& entry : fs::directory_iterator(dir_, problem)) {
    if (entry.path().filename() != std::string(kJournalFile) + ".tmp") {
      return bad_input(dir_.string(), "is in the way, and no build left it", "move it away");
    }
  }
  return {};
}

Status Staging::swap_with_old() {
  if (::renameat2(AT_FDCWD, dir_.c_str(), AT_FDCWD, output_.c_str(), RENAME_EXCHANGE) == 0) {
    return remove_tree(dir_);
  }
  if (errno != EINVAL && errno != ENOSYS) return system_error(output_, errno);
  // A file system without exchange: for a moment there is no package.
  fs::path old = output_;
  old += ".old";
  LAP_RETURN_IF_ERROR(remove_tree(old));
  if (::rename(output_.c_str(), old.c_str()) != 0) return system_error(output_, errno);
  if (::rename(dir_.c_str(), output_.c_str()) != 0) {
    Error error = system_error(output_, errno);
    if (::rename(old.c_str(), output_.c_str()) != 0) {
      error.remedy = "the former package is at " + old.string();
    }
    return error;
  }
  return remove_tree(old);
}

Status Staging::publish() {
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(dir_, ignored)) {
    if (entry.is_directory(ignored)) LAP_RETURN_IF_ERROR(sync_directory(entry.path()));
  }
  LAP_RETURN_IF_ERROR(sync_directory(dir_));
  LAP_RETURN_IF_ERROR(check_output(output_, force_));
  if (force_ && is_there(output_) && !fs::is_empty(output_, ignored)) {
    LAP_RETURN_IF_ERROR(swap_with_old());
  } else if (::rename(dir_.c_str(), output_.c_str()) != 0) {
    return system_error(output_, errno);
  }
  return sync_directory(output_.parent_path());
}

void Staging::discard() {
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
  // Only folders made here, and only while nobody else put anything into them.
  for (auto it = parents_.rbegin(); it != parents_.rend(); ++it) fs::remove(*it, ignored);
}

}  // namespace lapidary::build
