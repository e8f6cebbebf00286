// What cache_folder.cc does to files: everything by handles of folders that are open, and no link is
// followed. So what is written or deleted lies in the folder that was checked, whatever its path
// leads to by then.
//
//   LAP_ASSIGN_OR_RETURN(const Handle root, cache_files::open_folder(AT_FDCWD, path, path));
//   LAP_RETURN_IF_ERROR(cache_files::check_private(root, path));
//   cache_files::remove_tree(root.fd(), "old");
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/work.h"

namespace lapidary::cache_files {

// A file descriptor that is closed with its owner, and loses its lock then.
class Handle {
 public:
  Handle() = default;
  explicit Handle(int fd) : fd_(fd) {}
  Handle(Handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle();

  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// The folder `name` in the folder `at`, or AT_FDCWD. Errors: kBadInput for a link and for what is
// no folder; kIo. `path` is what messages call it.
Result<Handle> open_folder(int at, const std::string& name, const std::filesystem::path& path);
// Errors: kBadInput, with a remedy, for a folder of another user and for one that group or others
// can write to.
Status check_private(const Handle& folder, const std::filesystem::path& path);

// What `name` is, links not followed; nothing when it is not there.
std::optional<struct stat> look_at(int at, const std::string& name);
// Whether `name` is still what `handle` has open.
bool is_same(const Handle& handle, int at, const std::string& name);
// Names in an open folder, but "." and "..", in order.
std::vector<std::string> names_in(const Handle& folder);
// Paths of the regular files below an open folder, relative to it, in order. Nothing when there is
// anything else but folders among them, or they cannot be listed.
std::optional<std::vector<std::string>> files_below(const Handle& folder);
// Of all regular files below.
uint64_t bytes_below(const Handle& folder);

// A regular file below `folder`, to be read. `relative` has no ".." (kBadInput).
Result<Handle> open_file(const Handle& folder, const std::string& relative);
// A new file, 0600, with the folders on its way, 0700.
Result<Handle> create_file(const Handle& folder, const std::string& relative);

// `name` and, when it is a folder, all that is below it. A link goes, and what it leads to stays.
// False when something of it is left.
bool remove_tree(int at, const std::string& name);

// A file as it was read.
struct FileSum {
  uint64_t bytes = 0;
  std::string hash;   // XXH3-128 of all bytes, 32 hex digits
  std::string fault;  // why it could not be read to its end; "": it was
};
// Hands a file to `take`, piece by piece. Errors: those of `take`; kCancelled.
using Take = std::function<Status(std::string_view)>;
Result<FileSum> read_through(const Handle& file, const Take& take, const Work& work = {});

// Errors: kIo about `path`.
Status write_bytes(const Handle& file, std::string_view bytes, const std::filesystem::path& path);
Status flush(const Handle& file, const std::filesystem::path& path);

}  // namespace lapidary::cache_files
