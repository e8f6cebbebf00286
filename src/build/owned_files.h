// What in a folder is ours, and removing nothing else: by folder handles that follow no links
// (base/folder_handle.h).
//
//   const IsOurs ours = files_of_package(manifest);
//   LAP_ASSIGN_OR_RETURN(const std::string foreign, first_foreign("out/tiny-int4", ours));
//   if (foreign.empty()) LAP_RETURN_IF_ERROR(remove_folder("out/tiny-int4", ours));
//
// A folder itself belongs to nobody: it is as foreign as what is in it, and an empty one loses
// nothing. `folder` must be no link in all of these; else the error is the system's.
#pragma once

#include <filesystem>
#include <string>

#include "base/folder_handle.h"
#include "base/result.h"
#include "package/manifest.h"

namespace lapidary::build {

using IsOurs = FileTest;

// What the manifest lists, as files or as links, and the manifest.
IsOurs files_of_package(const package::Manifest& manifest);
// What a build or an export may have left in its folder when it was killed: the names that they
// use, and all in the folders where they let others work (NAME.probe, NAME.bin.partial). No links
// but in the latter.
// The files of a build's packages are among them.
IsOurs files_of_build();

// The first path, in order, that is not ours; "": there is none.
Result<std::string> first_foreign(const std::filesystem::path& folder, const IsOurs& ours);

// Removes what is ours, and folders that are empty then. The files by which a folder is known go
// last, the manifest and then the journal, when all else is off the disk: one that is half removed
// is still recognized, also after a power cut.
Status remove_files(const std::filesystem::path& folder, const IsOurs& ours);
// And the folder. Error: also when something foreign keeps it.
Status remove_folder(const std::filesystem::path& folder, const IsOurs& ours);

// Flushes all files and folders to disk, what is inside before what is around it.
Status flush_folder(const std::filesystem::path& folder);

}  // namespace lapidary::build
