#include "base/cache_files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/files.h"
#include "base/hash.h"
#include "base/open_beneath.h"

namespace lapidary::cache_files {
namespace {

namespace fs = std::filesystem;

constexpr size_t kReadBytes = size_t{1} << 20;

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

Error no_path(const std::string& relative) {
  return bad_input(relative, "is no path of a file in a cache's entry");
}

}  // namespace

Result<FileHandle> open_folder(int at, const std::string& name, const fs::path& path) {
  auto folder = open_folder_at(at, name, path);
  if (folder.ok()) return folder;
  const auto info = look_at(at, name);
  if (info && S_ISLNK(info->st_mode)) {
    return bad_input(path.string(), "is a link, and a cache is none",
                     "name the folder that it leads to, or use another with --cache");
  }
  if (info && !S_ISDIR(info->st_mode)) {
    return bad_input(path.string(), "is not a folder", "name another with --cache");
  }
  return folder;
}

Status check_private(const FileHandle& folder, const fs::path& path) {
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

std::optional<std::vector<std::string>> files_below(const FileHandle& folder) {
  std::vector<std::string> files;
  const auto add = [&](const FolderEntry& entry) -> Status {
    if (S_ISREG(entry.info.st_mode)) files.push_back(entry.path);
    const bool known = S_ISREG(entry.info.st_mode) || S_ISDIR(entry.info.st_mode);
    return known ? Status() : io_error(entry.shown.string(), "is neither a file nor a folder");
  };
  if (!walk_below(folder, "", add).ok()) return std::nullopt;
  std::sort(files.begin(), files.end());
  return files;
}

std::optional<uint64_t> bytes_below(const FileHandle& folder) {
  uint64_t bytes = 0;
  const auto add = [&](const FolderEntry& entry) -> Status {
    if (S_ISREG(entry.info.st_mode)) bytes += static_cast<uint64_t>(entry.info.st_size);
    return {};
  };
  if (!walk_below(folder, "", add).ok()) return std::nullopt;
  return bytes;
}

Result<FileHandle> open_file(const FileHandle& folder, const std::string& relative) {
  if (steps_of(relative).empty()) return no_path(relative);
  // Without O_NONBLOCK a pipe of that name would be waited for.
  Opened opened = open_without_links(folder.fd(), relative, O_RDONLY | O_NONBLOCK);
  if (opened.error != 0) {
    return system_error(relative, opened.error == kLeadsOut ? ELOOP : opened.error);
  }
  struct stat info {};
  if (::fstat(opened.file.fd(), &info) != 0) return system_error(relative, errno);
  if (!S_ISREG(info.st_mode)) return io_error(relative, "is not a regular file");
  return std::move(opened.file);
}

Result<FileHandle> create_file(const FileHandle& folder, const std::string& relative) {
  const std::vector<std::string> steps = steps_of(relative);
  if (steps.empty()) return no_path(relative);
  FileHandle at;
  int parent = folder.fd();
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    if (::mkdirat(parent, steps[i].c_str(), 0700) != 0 && errno != EEXIST) {
      return system_error(steps[i], errno);
    }
    LAP_ASSIGN_OR_RETURN(at, open_folder_at(parent, steps[i], steps.back()));
    parent = at.fd();
  }
  constexpr int kNewFile = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
  FileHandle file(::openat(parent, steps.back().c_str(), kNewFile, 0600));
  if (!file.is_open()) return system_error(relative, errno);
  return file;
}

bool remove_tree(int at, const std::string& name) {
  if (::unlinkat(at, name.c_str(), 0) == 0 || errno == ENOENT) return true;
  const auto folder = open_folder_at(at, name, name);
  if (!folder.ok()) return false;
  const auto all = [](const std::string&, mode_t) { return true; };
  // What stays, stays in the folder, which stays then.
  static_cast<void>(remove_below(*folder, name, all, {.last = {}, .goes_on = true}));
  return ::unlinkat(at, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
}

Result<FileSum> read_through(const FileHandle& file, const Take& take, const Work& work) {
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

}  // namespace lapidary::cache_files
