#include "base/folder_handle.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include "base/files.h"

namespace lapidary {
namespace {

namespace fs = std::filesystem;

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
// A level costs a descriptor and stack; nothing of ours has more than a few.
constexpr int kMostLevels = 128;

struct CloseListing {
  void operator()(DIR* listing) const { ::closedir(listing); }
};

struct FolderWalk {
  const std::function<Status(const FolderEntry&)>& visit;
  const WalkRules& rules;
  Status first_error = {};
};

void put_last(const std::vector<std::string>& last, std::vector<std::string>& names) {
  for (const std::string& name : last) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) std::rotate(found, found + 1, names.end());
  }
}

// Notes an error; whether the walk goes on.
bool goes_on_after(Status status, FolderWalk& walk) {
  if (status.ok()) return true;
  if (walk.first_error.ok()) walk.first_error = std::move(status);
  return walk.rules.goes_on;
}

bool visit_all(const FileHandle& folder, const fs::path& shown, const std::string& prefix,
               int level, FolderWalk& walk);

bool visit_folder(const FileHandle& around, const std::string& name, const fs::path& shown,
                  const std::string& path, int level, FolderWalk& walk) {
  auto folder = open_folder_at(around.fd(), name, shown);
  if (!folder.ok()) return goes_on_after(folder.take_error(), walk);
  return visit_all(*folder, shown, path + "/", level + 1, walk);
}

bool visit_all(const FileHandle& folder, const fs::path& shown, const std::string& prefix,
               int level, FolderWalk& walk) {
  if (level >= kMostLevels) return goes_on_after(system_error(shown, ELOOP), walk);
  auto names = names_in(folder, shown);
  if (!names.ok()) return goes_on_after(names.take_error(), walk);
  put_last(walk.rules.last, *names);
  for (const std::string& name : *names) {
    const auto info = look_at(folder.fd(), name);
    if (!info) {
      if (errno == ENOENT) continue;
      if (!goes_on_after(system_error(shown / name, errno), walk)) return false;
      continue;
    }
    const std::string path = prefix + name;
    if (S_ISDIR(info->st_mode) && !visit_folder(folder, name, shown / name, path, level, walk)) {
      return false;
    }
    if (!goes_on_after(walk.visit({path, folder.fd(), name, *info, shown / name}), walk)) {
      return false;
    }
  }
  return true;
}

}  // namespace

FileHandle::~FileHandle() {
  if (fd_ >= 0) ::close(fd_);
}

Result<FileHandle> open_folder_at(int at, const std::string& name, const fs::path& shown) {
  FileHandle folder(::openat(at, name.c_str(), kFolderFlags));
  if (!folder.is_open()) return system_error(shown, errno);
  return folder;
}

std::optional<struct stat> look_at(int at, const std::string& name) {
  struct stat info {};
  if (::fstatat(at, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return info;
}

bool is_there(const fs::path& path) { return look_at(AT_FDCWD, path.string()).has_value(); }

bool is_same(const FileHandle& handle, int at, const std::string& name) {
  struct stat open {};
  const auto named = look_at(at, name);
  return named && ::fstat(handle.fd(), &open) == 0 && named->st_ino == open.st_ino &&
         named->st_dev == open.st_dev;
}

// Read as a whole, since the names change while they are gone through.
Result<std::vector<std::string>> names_in(const FileHandle& folder, const fs::path& shown) {
  // A description of its own: where a listing stands is shared by copies of a descriptor.
  const int fd = ::openat(folder.fd(), ".", kFolderFlags);
  if (fd < 0) return system_error(shown, errno);
  const std::unique_ptr<DIR, CloseListing> listing(::fdopendir(fd));
  if (!listing) {
    const int code = errno;
    ::close(fd);
    return system_error(shown, code);
  }
  std::vector<std::string> names;
  errno = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of this thread alone
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return system_error(shown, errno);
  std::sort(names.begin(), names.end());
  return names;
}

Status walk_below(const FileHandle& folder, const fs::path& shown,
                  const std::function<Status(const FolderEntry&)>& visit, const WalkRules& rules) {
  FolderWalk walk{visit, rules};
  visit_all(folder, shown, "", 0, walk);
  return std::move(walk.first_error);
}

Status remove_below(const FileHandle& folder, const fs::path& shown, const FileTest& goes,
                    const WalkRules& rules) {
  const auto remove = [&](const FolderEntry& entry) -> Status {
    const bool is_folder = S_ISDIR(entry.info.st_mode);
    if (!is_folder && !goes(entry.path, entry.info.st_mode)) return {};
    if (::unlinkat(entry.folder, entry.name.c_str(), is_folder ? AT_REMOVEDIR : 0) == 0) return {};
    const bool stays = is_folder && (errno == ENOTEMPTY || errno == EEXIST);
    return stays || errno == ENOENT ? Status() : system_error(entry.shown, errno);
  };
  return walk_below(folder, shown, remove, rules);
}

Status flush_to_disk(const FileHandle& file, const fs::path& shown) {
  while (::fsync(file.fd()) != 0) {
    // Some file systems cannot flush a folder and say EINVAL; there is nothing to be done then.
    if (errno == EINVAL) break;
    if (errno != EINTR) return system_error(shown, errno);
  }
  return {};
}

Status flush_below(const FileHandle& folder, const fs::path& shown) {
  LAP_RETURN_IF_ERROR(walk_below(folder, shown, [](const FolderEntry& entry) -> Status {
    if (!S_ISREG(entry.info.st_mode) && !S_ISDIR(entry.info.st_mode)) return {};
    const FileHandle file(
        ::openat(entry.folder, entry.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file.is_open()) return system_error(entry.shown, errno);
    return flush_to_disk(file, entry.shown);
  }));
  return flush_to_disk(folder, shown);
}

}  // namespace lapidary
