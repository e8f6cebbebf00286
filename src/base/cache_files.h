// What a cache allows its folders to be, and how the files of its entries are made and read: by
// handles that follow no link (folder_handle.h).
//
//   LAP_ASSIGN_OR_RETURN(const FileHandle root, cache_files::open_folder(AT_FDCWD, path, path));
//   LAP_RETURN_IF_ERROR(cache_files::check_private(root, path));
//   cache_files::remove_tree(root.fd(), "old");
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/folder_handle.h"
#include "base/result.h"
#include "base/work.h"

namespace lapidary::cache_files {

// The folder `name` in the folder `at`, or AT_FDCWD. Errors: kBadInput for a link and for what is
// no folder; kIo. `path` is what messages call it.
Result<FileHandle> open_folder(int at, const std::string& name, const std::filesystem::path& path);
// Errors: kBadInput, with a remedy, for a folder of another user and for one that group or others
// can write to.
Status check_private(const FileHandle& folder, const std::filesystem::path& path);

// Paths of the regular files below an open folder, relative to it, in order. Nothing when there is
// anything else but folders among them, or they cannot be listed.
std::optional<std::vector<std::string>> files_below(const FileHandle& folder);
// Of all regular files below. Nothing when not all of it can be looked at.
std::optional<uint64_t> bytes_below(const FileHandle& folder);

// A regular file below `folder`, to be read. `relative` has no ".." (kBadInput).
Result<FileHandle> open_file(const FileHandle& folder, const std::string& relative);
// A new file, 0600, with the folders on its way, 0700.
Result<FileHandle> create_file(const FileHandle& folder, const std::string& relative);

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
Result<FileSum> read_through(const FileHandle& file, const Take& take, const Work& work = {});

}  // namespace lapidary::cache_files
