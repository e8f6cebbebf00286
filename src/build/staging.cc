#include "build/staging.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/folder_handle.h"
#include "build/journal.h"
#include "package/manifest.h"
#include "package/package.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;

Error in_the_way(const fs::path& path) {
  return bad_input(path.string(), "is in the way, and no build left it", "move it away");
}

// Whether the folder, seen without following a link, is of somebody who could have made ours: this
// user, or the owner of the folder around it. The latter also on file systems on which all belongs
// to one user.
Status check_owner(const fs::path& folder) {
  struct stat info {};
  struct stat around {};
  if (::lstat(folder.c_str(), &info) != 0) return system_error(folder, errno);
  if (!S_ISDIR(info.st_mode)) return in_the_way(folder);
  if (::stat(folder.parent_path().c_str(), &around) != 0) {
    return system_error(folder.parent_path(), errno);
  }
  if (info.st_uid == ::geteuid() || info.st_uid == around.st_uid) return {};
  return bad_input(folder.string(), "is in the way, and belongs to another user",
                   "choose another output");
}

// What a build or an export has in its folder by now.
IsOurs files_by_now(const fs::path& folder) {
  IsOurs of_build = files_of_build();
  const auto manifest = package::read_manifest(folder);
  if (!manifest.ok()) return of_build;
  return [of_build = std::move(of_build), of_package = files_of_package(*manifest)](
             const std::string& path, mode_t mode) {
    return of_build(path, mode) || (S_ISREG(mode) && of_package(path, mode));
  };
}

Error exchange_error(const fs::path& output, int code) {
  if (code != EINVAL && code != ENOSYS && code != EOPNOTSUPP) return system_error(output, code);
  return unsupported(output.string(),
                     "is a package already, and this file system cannot exchange it for another "
                     "in one step",
                     "delete it first, or choose another output");
}

Status check_replaced(const fs::path& path, const std::string& shown) {
  const auto manifest = package::read_manifest(path);
  if (!manifest.ok()) {
    return bad_input(shown,
                     fmt::format("is not replaced, since its manifest is none of ours: {}",
                                 manifest.error().what),
                     "delete it, or choose another output");
  }
  LAP_ASSIGN_OR_RETURN(const std::string foreign, first_foreign(path, files_of_package(*manifest)));
  if (foreign.empty()) return {};
  return bad_input((fs::path(shown) / foreign).string(),
                   "is no file of the package, and would be deleted with it",
                   "move it away, or choose another output");
}

}  // namespace

int exchange_names(const char* a, const char* b) {
  return ::renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

Status check_output(const fs::path& output, bool force) {
  const fs::path path = absolute_path(output);
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
  return check_replaced(path, output.string());
}

Result<Staging> Staging::open(const fs::path& output, const StagingOptions& options) {
  LAP_RETURN_IF_ERROR(check_output(output, options.force));
  const fs::path path = absolute_path(output);
  fs::path dir = path;
  dir += ".partial";
  Staging staging(path, dir, options);
  if (Status status = staging.prepare(); !status.ok()) {
    if (staging.made_) {
      staging.discard();
    } else {
      staging.release();
    }
    return status.take_error();
  }
  return staging;
}

Status Staging::prepare() {
  LAP_RETURN_IF_ERROR(make_folders(dir_.parent_path(), 0755, parents_));
  const Error busy = bad_input(dir_.string(), "another build is writing this package",
                               "wait for it, or choose another output");
  LAP_ASSIGN_OR_RETURN(lock_, OutputLock::take(output_, busy));
  // Another build may have published since the first look.
  LAP_RETURN_IF_ERROR(check_output(output_, options_.force));
  LAP_RETURN_IF_ERROR(claim());
  return check_exchange();
}

Status Staging::claim() {
  made_ = ::mkdir(dir_.c_str(), 0755) == 0;
  if (!made_ && errno != EEXIST) return system_error(dir_, errno);
  if (!made_) {
    LAP_RETURN_IF_ERROR(check_owner(dir_));
    LAP_RETURN_IF_ERROR(claim_contents());
  }
  LAP_RETURN_IF_ERROR(lock_->clear_mark());
  if (is_there(dir_ / kJournalFile)) return {};
  return Journal{}.write(dir_);
}

// A folder of this name that no build of ours left must not be emptied. What may stand there:
//   a journal                   an unfinished build or export, to be gone on from
//   a manifest and no journal   a package that was replaced, half removed or not at all
//   nothing                     what a process killed between two of these steps leaves
Status Staging::claim_contents() {
  if (is_there(dir_ / kJournalFile)) {
    LAP_ASSIGN_OR_RETURN(const std::string foreign, first_foreign(dir_, files_by_now(dir_)));
    return foreign.empty() ? Status() : in_the_way(dir_ / foreign);
  }
  if (!is_there(dir_ / package::kManifestFile)) {
    const IsOurs begun = [](const std::string& path, mode_t mode) {
      return S_ISREG(mode) && path == std::string(kJournalFile) + ".tmp";
    };
    LAP_ASSIGN_OR_RETURN(const std::string foreign, first_foreign(dir_, begun));
    return foreign.empty() ? Status() : in_the_way(dir_);
  }
  const auto manifest = package::read_manifest(dir_);
  if (!manifest.ok()) return in_the_way(dir_);
  const IsOurs ours = files_of_package(*manifest);
  LAP_ASSIGN_OR_RETURN(const std::string foreign, first_foreign(dir_, ours));
  if (!foreign.empty()) return in_the_way(dir_ / foreign);
  // Somebody may have given a package this name.
  if (!lock_->publishing() && package::Package::open(dir_, package::VerifyMode::kSizes).ok()) {
    return bad_input(dir_.string(), "is in the way: a package of its own", "move it away");
  }
  return remove_files(dir_, ours);
}

bool Staging::replaces() const {
  std::error_code ignored;
  return is_there(output_) && !fs::is_empty(output_, ignored);
}

// Tried out, since a file system says so only when it is asked.
Status Staging::check_exchange() {
  if (!replaces()) return {};
  const fs::path a = dir_ / "exchange.0";
  const fs::path b = dir_ / "exchange.1";
  for (const fs::path& path : {a, b}) {
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return system_error(path, errno);
  }
  const int code = options_.exchange(a.c_str(), b.c_str()) == 0 ? 0 : errno;
  for (const fs::path& path : {a, b}) ::rmdir(path.c_str());
  return code == 0 ? Status() : exchange_error(output_, code);
}

Status Staging::keep_only(const std::set<std::string>& files) {
  const IsOurs ours = files_by_now(dir_);
  return remove_files(dir_, [&](const std::string& path, mode_t mode) {
    return path != kJournalFile && !files.contains(path) && ours(path, mode);
  });
}

Status Staging::check_whole() const {
  LAP_ASSIGN_OR_RETURN(const auto whole, package::Package::open(dir_, package::VerifyMode::kSizes));
  const IsOurs of_package = files_of_package(whole.manifest);
  LAP_ASSIGN_OR_RETURN(const std::string foreign,
                       first_foreign(dir_, [&](const std::string& path, mode_t mode) {
                         return path == kJournalFile || of_package(path, mode);
                       }));
  if (foreign.empty()) return {};
  return internal_error((dir_ / foreign).string(), "is in no list of the package");
}

Status Staging::publish() {
  LAP_RETURN_IF_ERROR(check_whole());
  LAP_RETURN_IF_ERROR(flush_folder(dir_));
  LAP_RETURN_IF_ERROR(check_output(output_, options_.force));
  // From here on a package without a journal in the .partial folder is ours to remove.
  LAP_RETURN_IF_ERROR(lock_->mark_publishing());
  if (::unlink((dir_ / kJournalFile).c_str()) != 0 && errno != ENOENT) {
    return system_error(dir_ / kJournalFile, errno);
  }
  LAP_RETURN_IF_ERROR(sync_directory(dir_));
  const bool former = replaces();
  if (former) {
    if (options_.exchange(dir_.c_str(), output_.c_str()) != 0) {
      return exchange_error(output_, errno);
    }
  } else if (::rename(dir_.c_str(), output_.c_str()) != 0) {
    return system_error(output_, errno);
  }
  if (const Status status = sync_directory(output_.parent_path()); !status.ok()) {
    // The former package stays: after a power cut its name may lead to either folder.
    options_.work.note(fmt::format("the package is there, but a power cut may undo that: {}",
                                   status.error().message()));
    if (former) lock_->leave_file();
  } else if (former) {
    clear_former();
  }
  lock_.reset();
  return {};
}

// The package that was replaced stands under our name now.
void Staging::clear_former() {
  const auto manifest = package::read_manifest(dir_);
  Status status =
      manifest.ok() ? remove_folder(dir_, files_of_package(*manifest)) : Status(manifest.error());
  if (status.ok()) return;
  // By its mark the next build knows whose the rest is.
  lock_->leave_file();
  options_.work.note(
      fmt::format("the package is there, but the former one is not wholly removed: "
                  "{}; delete {}",
                  status.error().message(), dir_.string()));
}

void Staging::discard() {
  static_cast<void>(remove_folder(dir_, files_by_now(dir_)));
  release();
}

// Without the folder.
void Staging::release() {
  lock_.reset();
  // Only folders made here, and only while nobody else put anything into them.
  std::error_code ignored;
  for (auto it = parents_.rbegin(); it != parents_.rend(); ++it) fs::remove(*it, ignored);
}

}  // namespace lapidary::build
