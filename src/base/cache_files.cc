#include "base/cache_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "base/files.h"
#include "base/hash.h"

namespace lapidary::cache_files {
namespace {

namespace fs = std::filesystem;

constexpr size_t kReadBytes = size_t{1} << 20;
// An entry has two levels; more is nothing that we made.
constexpr int kMostDepth = 16;
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// The folders on the way to a file, then its name. Nothing for a path that leads anywhere else.
std::vector<std::string> steps_of(const std::string& relative) {
  std::vector<std::string> steps;
  const fs::path path(relative);
  if (path.is_absolute()) return {};
  for (const fs::path& part : path) {
    if (part.empty() || part == "." || part == "..") return {};
    steps.push_back(part.string());
  }
  return steps;
}

// The folder that the last step lies in; with `make`, those that are missing are made.
Result<Handle> open_parent(const Handle& folder, const std::vector<std::string>& steps, bool make) {
  Handle at(::openat(folder.fd(), ".", kFolderFlags));
  for (size_t i = 0; at.is_open() && i + 1 < steps.size(); ++i) {
    if (make && ::mkdirat(at.fd(), steps[i].c_str(), 0700) != 0 && errno != EEXIST) {
      return system_error(steps[i], errno);
    }
    at = Handle(::openat(at.fd(), steps[i].c_str(), kFolderFlags));
  }
  if (!at.is_open()) return system_error(steps.back(), errno);
  return at;
}

Result<Handle> open_below(const Handle& folder, const std::string& relative, int flags, bool make) {
  const std::vector<std::string> steps = steps_of(relative);
  if (steps.empty()) return bad_input(relative, "is no path of a file in a cache's entry");
  LAP_ASSIGN_OR_RETURN(const Handle parent, open_parent(folder, steps, make));
  Handle file(::openat(parent.fd(), steps.back().c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) return system_error(relative, errno);
  return file;
}

bool list_below(const Handle& folder, const std::string& prefix, int depth,
                std::vector<std::string>& files) {
  if (depth > kMostDepth) return false;
  for (const std::string& name : names_in(folder)) {
    const auto info = look_at(folder.fd(), name);
    if (info && S_ISREG(info->st_mode)) {
      files.push_back(prefix + name);
      continue;
    }
    const Handle below(::openat(folder.fd(), name.c_str(), kFolderFlags));
    if (!below.is_open() || !list_below(below, prefix + name + "/", depth + 1, files)) return false;
  }
  return true;
}

uint64_t sum_below(const Handle& folder, int depth) {
  uint64_t bytes = 0;
  if (depth > kMostDepth) return bytes;
  for (const std::string& name : names_in(folder)) {
    const auto info = look_at(folder.fd(), name);
    if (info && S_ISREG(info->st_mode)) bytes += static_cast<uint64_t>(info->st_size);
    if (!info || !S_ISDIR(info->st_mode)) continue;
    const Handle below(::openat(folder.fd(), name.c_str(), kFolderFlags));
    if (below.is_open()) bytes += sum_below(below, depth + 1);
  }
  return bytes;
}

bool remove_below(int at, const std::string& name, int depth) {
  if (depth > kMostDepth) return false;
  if (::unlinkat(at, name.c_str(), 0) == 0 || errno == ENOENT) return true;
  const Handle folder(::openat(at, name.c_str(), kFolderFlags));
  if (!folder.is_open()) return false;
  for (const std::string& each : names_in(folder)) remove_below(folder.fd(), each, depth + 1);
  return ::unlinkat(at, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
}

}  // namespace

Handle::~Handle() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Handle> open_folder(int at, const std::string& name, const fs::path& path) {
  Handle folder(::openat(at, name.c_str(), kFolderFlags));
  if (folder.is_open()) return folder;
  const int code = errno;
  const auto info = look_at(at, name);
  if (info && S_ISLNK(info->st_mode)) {
    return bad_input(path.string(), "is a link, and a cache is none",
                     "name the folder that it leads to, or use another with --cache");
  }
  if (info && !S_ISDIR(info->st_mode)) {
    return bad_input(path.string(), "is not a folder", "name another with --cache");
  }
  return system_error(path, code);
}

Status check_private(const Handle& folder, const fs::path& path) {
  struct stat info {};
  if (::fstat(folder.fd(), &info) != 0) return system_error(path, errno);
  if (info.st_uid != ::geteuid()) {
    return bad_input(path.string(),
                     fmt::format("belongs to another user ({}), who could put anything into the "
                                 "packages built from it",
                                 info.st_uid),
                     "name a folder of your own with --cache or LAPIDARY_CACHE");
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return bad_input(path.string(),
                     fmt::format("can be written to by others (mode {:04o}), who could put "
                                 "anything into the packages built from it",
                                 info.st_mode & 07777),
                     "take their right to with `chmod go-w`, or name another folder with --cache "
                     "or LAPIDARY_CACHE");
  }
  return {};
}

std::optional<struct stat> look_at(int at, const std::string& name) {
  struct stat info {};
  if (::fstatat(at, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return info;
}

bool is_same(const Handle& handle, int at, const std::string& name) {
  struct stat open {};
  const auto named = look_at(at, name);
  return named && ::fstat(handle.fd(), &open) == 0 && named->st_ino == open.st_ino &&
         named->st_dev == open.st_dev;
}

std::vector<std::string> names_in(const Handle& folder) {
  std::vector<std::string> names;
  // A description of its own: where a listing stands is shared by copies of a descriptor.
  const int fd = ::openat(folder.fd(), ".", kFolderFlags);
  if (fd < 0) return names;
  const std::unique_ptr<DIR, CloseFolder> listing(::fdopendir(fd));
  if (!listing) {
    ::close(fd);
    return names;
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of this thread alone
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::vector<std::string>> files_below(const Handle& folder) {
  std::vector<std::string> files;
  if (!list_below(folder, "", 0, files)) return std::nullopt;
  std::sort(files.begin(), files.end());
  return files;
}

uint64_t bytes_below(const Handle& folder) { return sum_below(folder, 0); }

Result<Handle> open_file(const Handle& folder, const std::string& relative) {
  // Without O_NONBLOCK a pipe of that name would be waited for.
  LAP_ASSIGN_OR_RETURN(Handle file, open_below(folder, relative, O_RDONLY | O_NONBLOCK, false));
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return system_error(relative, errno);
  if (!S_ISREG(info.st_mode)) return io_error(relative, "is not a regular file");
  return file;
}

Result<Handle> create_file(const Handle& folder, const std::string& relative) {
  return open_below(folder, relative, O_CREAT | O_EXCL | O_WRONLY, true);
}

bool remove_tree(int at, const std::string& name) { return remove_below(at, name, 0); }

Result<FileSum> read_through(const Handle& file, const Take& take, const Work& work) {
  ContentHash hash;
  FileSum sum;
  std::string buffer(kReadBytes, '\0');
  while (true) {
    if (work.is_cancelled()) return cancelled();
    const ssize_t n = ::read(file.fd(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) sum.fault = std::generic_category().message(errno);
    if (n <= 0) break;
    const std::string_view piece(buffer.data(), static_cast<size_t>(n));
    hash.add(piece);
    sum.bytes += piece.size();
    LAP_RETURN_IF_ERROR(take(piece));
  }
  sum.hash = hash.hex();
  return sum;
}

Status write_bytes(const Handle& file, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.fd(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, errno);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status flush(const Handle& file, const fs::path& path) {
  // Some file systems cannot flush a folder and say EINVAL; there is nothing to be done then.
  if (::fsync(file.fd()) == 0 || errno == EINVAL) return {};
  return system_error(path, errno);
}

}  // namespace lapidary::cache_files
