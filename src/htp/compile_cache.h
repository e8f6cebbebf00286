// Finished compilations by the hash of what they were made from: a folder of folders.
//
//   CACHE/<32 hex digits>/entry.json    size and checksum of each file
//   CACHE/<32 hex digits>/...           the files, as they were stored
//
// An entry is renamed into place when it is whole, so several processes may use one cache.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"

namespace lapidary::htp {

class CompileCache {
 public:
  // Makes the folder. Errors: kIo.
  static Result<CompileCache> open(const std::filesystem::path& folder);

  // Copies the entry's files to `to`, which is made. False, with nothing left of `to`: there is no
  // entry, or it is damaged and is gone now. Errors: kIo about `to`; kCancelled.
  Result<bool> fetch(const std::string& key, const std::filesystem::path& to,
                     const Work& work = {}) const;
  // Copies all files of `from`, those of subfolders included, into a new entry. An entry that is
  // there already stays. Errors: kIo; kCancelled, without an entry.
  Status store(const std::string& key, const std::filesystem::path& from,
               const Work& work = {}) const;

 private:
  explicit CompileCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
};

// The key of what is made from these texts and files: 32 hex digits. Where a file lies is not in
// it. Errors: kIo; kCancelled.
Result<std::string> cache_key(std::span<const std::string> texts,
                              std::span<const std::filesystem::path> files, const Work& work = {});

}  // namespace lapidary::htp
