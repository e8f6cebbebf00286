// A user's own folder of finished work: context binaries, what probing found. What is in it can be
// made again, so anything that is not as it was stored counts as missing.
//
//   LAP_ASSIGN_OR_RETURN(const CacheFolder cache, CacheFolder::open("/home/me/.cache/lapidary"));
//   LAP_ASSIGN_OR_RETURN(const bool found, cache.fetch(CacheKind::kContext, key, products));
//   if (!found) LAP_RETURN_IF_ERROR(cache.store(CacheKind::kContext, key, products));
//
//   ROOT/contexts/<32 hex digits>/entry.json   kind, key, size and XXH3-128 of each file
//   ROOT/contexts/<32 hex digits>/...          the files, as they were stored
//   ROOT/probes/<32 hex digits>/...
//
// Whose it is. An entry is used when it lies under its own key and its files are those of its list,
// which finds damage and entries that were moved, and not somebody who writes files and list anew.
// Against that stand owner and mode: the folder must be the user's, nobody else's to write to, and
// no link; it is made with mode 0700, and so are folders on its way.
//
// Several processes may use one folder. An entry is renamed into place when it is whole, and out of
// it before it is deleted; a killed process leaves folders of other names, which the next one
// removes. An entry that is being read, or written, is locked (flock) and not removed.
//
// Size. Entries used longest ago go when the folder would become larger than its bound.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/work.h"

namespace lapidary {

class FileHandle;

enum class CacheKind { kContext, kProbe };
inline constexpr std::array kCacheKinds = {CacheKind::kContext, CacheKind::kProbe};
// Of its folder: "contexts", "probes".
std::string name_of(CacheKind kind);

// Several chips' binaries of the whole E2B.
inline constexpr uint64_t kDefaultCacheBytes = 20'000'000'000;

struct CachedEntry {
  CacheKind kind = CacheKind::kContext;
  std::string key;
  uint64_t bytes = 0;
  std::chrono::system_clock::time_point used = {};  // stored, or fetched last
  bool busy = false;                                // read or written just now
};

struct CacheListing {
  std::vector<CachedEntry> entries;  // those used longest ago first
  size_t leftovers = 0;              // of writes and removals that were killed, or that go on
  size_t strangers = 0;              // what no Lapidary made; it stays
  std::vector<std::filesystem::path> unread;  // what could not be looked at, entries or not

  uint64_t bytes() const;  // of the entries
};

struct CacheRemoval {
  size_t entries = 0;
  uint64_t bytes = 0;
  size_t busy = 0;  // entries that should have gone and were in use
};

class CacheFolder {
 public:
  // Makes the folder, removes what killed processes left, and keeps to the bound.
  // Errors: kBadInput for a folder that is a link, another user's, or others' to write to, with a
  // remedy; kIo.
  static Result<CacheFolder> open(const std::filesystem::path& root,
                                  uint64_t most_bytes = kDefaultCacheBytes);
  // The same, but makes and removes nothing: nothing is returned when there is no such folder.
  static Result<std::optional<CacheFolder>> find(const std::filesystem::path& root,
                                                 uint64_t most_bytes = kDefaultCacheBytes);

  // Copies the entry's files to `to`, which is made, or made anew. False, with nothing left of
  // `to`: there is no entry, or it is damaged and is gone now, with a note. Errors: kIo about `to`;
  // kCancelled. Keys are 32 lower-case hex digits (kInternal).
  Result<bool> fetch(CacheKind kind, const std::string& key, const std::filesystem::path& to,
                     const Work& work = {}) const;
  // Copies all files of `from`, those of subfolders included, into a new entry. An entry that is
  // there already stays. What is larger than the bound is not kept, with a note. Errors: kIo;
  // kCancelled, without an entry.
  Status store(CacheKind kind, const std::string& key, const std::filesystem::path& from,
               const Work& work = {}) const;

  // The same for an entry of one small text; a new one replaces the old.
  std::optional<std::string> fetch_text(CacheKind kind, const std::string& key,
                                        const Work& work = {}) const;
  Status store_text(CacheKind kind, const std::string& key, std::string_view text) const;

  CacheListing list() const;
  // Removes leftovers, then entries, those used longest ago first, until `most_bytes` are left; 0
  // removes all. Waits for another process that does the same. Removes nothing that no Lapidary
  // made. Errors: kIo, also when the rest is done but something could not be looked at or removed.
  Result<CacheRemoval> trim(uint64_t most_bytes) const;

  const std::filesystem::path& path() const { return path_; }
  uint64_t most_bytes() const { return most_bytes_; }

 private:
  CacheFolder(std::filesystem::path path, std::shared_ptr<const FileHandle> root,
              uint64_t most_bytes)
      : path_(std::move(path)), root_(std::move(root)), most_bytes_(most_bytes) {}

  static Result<CacheFolder> open_existing(const std::filesystem::path& path, uint64_t most_bytes);
  std::filesystem::path path_of(CacheKind kind, const std::string& key) const;
  Result<FileHandle> kind_folder(CacheKind kind, bool make) const;
  void drop(CacheKind kind, const std::string& key, const std::string& fault,
            const Work& work) const;
  Status make_room(uint64_t bytes) const;
  Status remove_leftovers() const;

  std::filesystem::path path_;
  std::shared_ptr<const FileHandle> root_;
  uint64_t most_bytes_;
};

}  // namespace lapidary
