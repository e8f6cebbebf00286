// Files that are not there, or not all there: a Git LFS pointer in the place of a file, and what
// download tools leave beside a file that they have not finished.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace lapidary::checkpoint {

// Error (kBadInput): the file is a Git LFS pointer, or aria2's list of missing pieces lies beside
// it (aria2 gives a file its full size from the start). A file that is missing or cannot be read is
// none: whoever reads it says so.
Status check_downloaded(const std::filesystem::path& path);

// "model.safetensors.part": the name of what a download of `path` that was not finished left beside
// it; empty: nothing.
std::string unfinished_download(const std::filesystem::path& path);

// That `path` is missing, `what` says ("is missing"), with what lies in its place: an unfinished
// download, a link to nothing (a Hugging Face cache without its blobs). Else `remedy`.
Error missing_file(const std::filesystem::path& path, const std::string& what,
                   const std::string& remedy);

}  // namespace lapidary::checkpoint
