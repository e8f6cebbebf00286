#include "package/held_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/open_beneath.h"

namespace lapidary::package {
namespace {

constexpr const char* kRestoreFile = "restore the file, or build the package again";

Error cannot_open(const std::filesystem::path& path, int code) {
  if (code == ENOENT) return bad_input(path.string(), "is missing", kRestoreFile);
  if (code == kLeadsOut) {
    return bad_input(path.string(), "is reached by a link that leads out of the package",
                     "put the file itself there: `cp -rL` copies a package without links");
  }
  return io_error(path.string(), std::generic_category().message(code), kRestoreFile);
}

}  // namespace

Result<std::shared_ptr<const HeldFolder>> HeldFolder::open(const std::filesystem::path& dir) {
  FileHandle handle(::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!handle.is_open()) return system_error(dir, errno);
  return std::shared_ptr<const HeldFolder>(new HeldFolder(dir, std::move(handle)));
}

Result<HeldFile> HeldFolder::open_file(const std::string& relative, int flags) const {
  const std::filesystem::path path = dir_ / relative;
  Opened opened = open_beneath(fd(), relative, flags);
  if (opened.error != 0) return cannot_open(path, opened.error);
  struct stat info {};
  if (::fstat(opened.file.fd(), &info) != 0) return cannot_open(path, errno);
  if (!S_ISREG(info.st_mode)) {
    return io_error(path.string(), "is not a regular file", kRestoreFile);
  }
  const FileIdentity identity{info.st_dev, info.st_ino, static_cast<uint64_t>(info.st_size),
                              int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
  return HeldFile{std::move(opened.file), identity};
}

Result<HeldFile> HeldFolder::open_file(const std::string& relative) const {
  // Not to wait for a writer where somebody has put a named pipe.
  return open_file(relative, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

Result<FileIdentity> HeldFolder::identity(const std::string& relative) const {
  LAP_ASSIGN_OR_RETURN(const HeldFile file, open_file(relative, O_PATH));
  return file.identity;
}

bool HeldFolder::is_still_at(const std::filesystem::path& dir) const {
  struct stat held {};
  struct stat named {};
  return ::fstat(fd(), &held) == 0 && ::stat(dir.c_str(), &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

}  // namespace lapidary::package
