// Finished compilations by the hash of what they were made from, in the user's cache
// (base/cache_folder.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "base/cache_folder.h"
#include "base/result.h"
#include "base/work.h"

namespace lapidary::htp {

class CompileCache {
 public:
  // `root` holds other kinds of entries as well. Makes the folder, and keeps to the bound.
  // Errors: those of CacheFolder::open.
  static Result<CompileCache> open(const std::filesystem::path& root,
                                   uint64_t most_bytes = kDefaultCacheBytes);

  // Copies the entry's files to `to`, which is made. False, with nothing left of `to`: there is no
  // entry, or it is damaged, of another key, and is gone now, with a note. Errors: kIo about `to`;
  // kCancelled.
  Result<bool> fetch(const std::string& key, const std::filesystem::path& to,
                     const Work& work = {}) const;
  // Copies all files of `from`, those of subfolders included, into a new entry. An entry that is
  // there already stays. Errors: kIo; kCancelled, without an entry.
  Status store(const std::string& key, const std::filesystem::path& from,
               const Work& work = {}) const;

 private:
  explicit CompileCache(CacheFolder folder) : folder_(std::move(folder)) {}

  CacheFolder folder_;
};

// The key of what is made from these texts and files: 32 hex digits. Where a file lies is not in
// it. Errors: kIo; kCancelled.
Result<std::string> cache_key(std::span<const std::string> texts,
                              std::span<const std::filesystem::path> files, const Work& work = {});

}  // namespace lapidary::htp
