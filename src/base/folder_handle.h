// Folders by handles that are open, and what is below them: no link is followed, so what is read,
// flushed or deleted lies in the folder that was opened, whatever its path leads to by then.
//
//   LAP_ASSIGN_OR_RETURN(const FileHandle folder, open_folder_at(AT_FDCWD, path, path));
//   const auto is_old = [](const std::string& file, mode_t) { return file.ends_with(".old"); };
//   LAP_RETURN_IF_ERROR(remove_below(folder, path, is_old));
//
// `at` is an open folder's descriptor, or AT_FDCWD; `shown` is what messages call the thing. Files
// in folders of others, where links may stay inside: open_beneath.h.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lapidary {

// A file descriptor that is closed with its owner, and loses its lock then.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_(fd) {}
  FileHandle(FileHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  ~FileHandle();

  int fd() const { return fd_; }  // -1: none
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Errors: what the system says (kIo); also for a link.
Result<FileHandle> open_folder_at(int at, const std::string& name,
                                  const std::filesystem::path& shown);

// What `name` is, links not followed; nothing when it is not there.
std::optional<struct stat> look_at(int at, const std::string& name);
// Whether anything has that name, be it a link that leads nowhere.
bool is_there(const std::filesystem::path& path);
// Whether `name` is still what `handle` has open.
bool is_same(const FileHandle& handle, int at, const std::string& name);
// Names in an open folder, but "." and "..", in order. Errors: kIo.
Result<std::vector<std::string>> names_in(const FileHandle& folder,
                                          const std::filesystem::path& shown);

struct FolderEntry {
  std::string path;         // relative to where the walk began, with '/'
  int folder;               // that it is in
  const std::string& name;  // there
  struct stat info;         // of a link the link's
  std::filesystem::path shown;
};
struct WalkRules {
  std::vector<std::string> last;  // names that come after all others of their folder, in this order
  // Past a folder that cannot be read and a visit that fails; the first error is the walk's still.
  bool goes_on = false;
};
// Everything below the folder, in the order of names, folders after what is in them. What goes away
// meanwhile is passed over. Errors: those of `visit`; kIo, also for folders 128 deep.
Status walk_below(const FileHandle& folder, const std::filesystem::path& shown,
                  const std::function<Status(const FolderEntry&)>& visit,
                  const WalkRules& rules = {});

// Of anything but a folder: its relative path, and its st_mode, of a link the link's.
using FileTest = std::function<bool(const std::string& path, mode_t mode)>;
// Removes the files that `goes` says and folders that are empty then, but not `folder`. A link goes,
// and what it leads to stays.
Status remove_below(const FileHandle& folder, const std::filesystem::path& shown,
                    const FileTest& goes, const WalkRules& rules = {});

// To disk. A folder on a file system that cannot flush folders is no error.
Status flush_to_disk(const FileHandle& file, const std::filesystem::path& shown);
// All files and folders below, what is inside before what is around it, and the folder.
Status flush_below(const FileHandle& folder, const std::filesystem::path& shown);

}  // namespace lapidary
