// Small files, and what makes writes durable. Big data is streamed elsewhere.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/work.h"

namespace lapidary {

// "No space left on device" and the like, as an error about `path`, with a remedy where one is
// known.
Error system_error(const std::filesystem::path& path, int code);

// Whether a file may be written at `path`: there is a regular file or nothing. A pipe would be
// waited for, a device (/dev/null, /dev/stdout) replaced. The writers below look themselves;
// commands ask before they begin long work. Error: kBadInput naming what is there.
Status check_output_file(const std::filesystem::path& path);
// All of them, at the file's position; advances `work` by bytes. Errors: kIo about `path`;
// kCancelled.
Status write_bytes(int fd, std::string_view bytes, const std::filesystem::path& path,
                   const Work& work = {});
// Writes the whole file and flushes it to disk; on an error the file is removed.
Status write_file(const std::filesystem::path& path, std::string_view bytes);
// The same, so that a reader, or a machine that loses power, sees the old content or the new, and
// nothing between.
Status replace_file(const std::filesystem::path& path, std::string_view bytes);
// Durable as by write_file; advances `work` by bytes. On an error, kCancelled included, no `to` is
// left.
Status copy_file(const std::filesystem::path& from, const std::filesystem::path& to,
                 const Work& work = {});
// Makes durable what was written to `fd`, of the file `path`: its bytes, its size and where they lie
// (fdatasync), but not its name, which is its folder's to flush. Of that fdatasync is enough on ext4,
// xfs and btrfs: only times and owners are left out. syncfs would flush both in one call, and wait for
// whatever other programs have written as well; before Linux 5.8 it does not report lost writes.
Status sync_file(int fd, const std::filesystem::path& path);
// Absolute, without "..", "." or a slash at its end: a sibling can be named, and behind the slash a
// link would be followed.
std::filesystem::path absolute_path(const std::filesystem::path& path);
// Makes a folder and what is missing on its way; adds those it made, outermost first.
Status make_folders(const std::filesystem::path& path, unsigned mode,
                    std::vector<std::filesystem::path>& made);
// Makes names created or renamed in `dir` durable.
Status sync_directory(const std::filesystem::path& dir);

}  // namespace lapidary
