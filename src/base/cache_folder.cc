#include "base/cache_folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "base/cache_entry.h"
#include "base/cache_files.h"
#include "base/files.h"
#include "base/text.h"

namespace lapidary {
namespace {

namespace fs = std::filesystem;
using cache_files::EntryId;
using cache_files::EntryReader;
using cache_files::EntryWriter;
using cache_files::Removal;

constexpr const char* kTextFile = "text";

Result<FileHandle> open_private(int at, const std::string& name, const fs::path& path) {
  LAP_ASSIGN_OR_RETURN(FileHandle folder, cache_files::open_folder(at, name, path));
  LAP_RETURN_IF_ERROR(cache_files::check_private(folder, path));
  return folder;
}

struct SizedFile {
  std::string name;  // relative
  uint64_t bytes = 0;
};

// All regular files below, in order.
Result<std::vector<SizedFile>> sized_files(const fs::path& folder) {
  std::error_code error;
  std::vector<SizedFile> files;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (!at->is_regular_file(error)) continue;
    files.push_back({at->path().lexically_relative(folder).generic_string(), at->file_size(error)});
  }
  if (error) return system_error(folder, error.value());
  std::sort(files.begin(), files.end(),
            [](const SizedFile& a, const SizedFile& b) { return a.name < b.name; });
  return files;
}

std::chrono::system_clock::time_point time_of(const struct timespec& time) {
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)));
}

// Of the names in a folder; none, and it is among `unread`, when it cannot be listed.
std::vector<std::string> names_or_none(const FileHandle& folder, const fs::path& path,
                                       CacheListing& out) {
  auto names = names_in(folder, path);
  if (names.ok()) return std::move(*names);
  out.unread.push_back(path);
  return {};
}

// Nothing when it is gone, or cannot be looked at.
std::optional<CachedEntry> entry_of(const FileHandle& folder, CacheKind kind,
                                    const std::string& name) {
  const auto info = look_at(folder.fd(), name);
  const auto entry = cache_files::open_folder(folder.fd(), name, name);
  if (!info || !entry.ok()) return std::nullopt;
  const auto bytes = cache_files::bytes_below(*entry);
  if (!bytes) return std::nullopt;
  return CachedEntry{kind, name, *bytes, time_of(info->st_mtim),
                     cache_files::is_busy(folder, name)};
}

// What is in the folder of a kind, in no order.
void list_kind(const FileHandle& folder, const fs::path& path, CacheKind kind, CacheListing& out) {
  for (const std::string& name : names_or_none(folder, path, out)) {
    if (cache_files::is_leftover(name)) {
      ++out.leftovers;
      continue;
    }
    const auto is_entry = cache_files::is_entry(folder, name);
    if (is_entry && !*is_entry) {
      ++out.strangers;
      continue;
    }
    auto entry = is_entry ? entry_of(folder, kind, name) : std::nullopt;
    if (entry) {
      out.entries.push_back(*std::move(entry));
    } else if (look_at(folder.fd(), name) || errno != ENOENT) {
      out.unread.push_back(path / name);
    }
  }
}

Status remove_made(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  return error ? Status(system_error(folder, error.value())) : Status();
}

}  // namespace

std::string name_of(CacheKind kind) { return kind == CacheKind::kContext ? "contexts" : "probes"; }

uint64_t CacheListing::bytes() const {
  uint64_t sum = 0;
  for (const CachedEntry& entry : entries) sum += entry.bytes;
  return sum;
}

Result<CacheFolder> CacheFolder::open_existing(const fs::path& path, uint64_t most_bytes) {
  LAP_ASSIGN_OR_RETURN(FileHandle root, open_private(AT_FDCWD, path.string(), path));
  CacheFolder cache(path, std::make_shared<const FileHandle>(std::move(root)), most_bytes);
  for (const CacheKind kind : kCacheKinds) {
    if (!look_at(cache.root_->fd(), name_of(kind))) continue;
    LAP_RETURN_IF_ERROR(cache.kind_folder(kind, false));
  }
  return cache;
}

Result<CacheFolder> CacheFolder::open(const fs::path& root, uint64_t most_bytes) {
  const fs::path path = absolute_path(root);
  std::vector<fs::path> made;  // and those on its way, for the user alone
  LAP_RETURN_IF_ERROR(make_folders(path, 0700, made));
  LAP_ASSIGN_OR_RETURN(CacheFolder cache, open_existing(path, most_bytes));
  LAP_RETURN_IF_ERROR(cache.make_room(0));
  return cache;
}

Result<std::optional<CacheFolder>> CacheFolder::find(const fs::path& root, uint64_t most_bytes) {
  const fs::path path = absolute_path(root);
  if (!look_at(AT_FDCWD, path.string())) {
    if (errno != ENOENT) return system_error(path, errno);
    return std::optional<CacheFolder>();
  }
  LAP_ASSIGN_OR_RETURN(CacheFolder cache, open_existing(path, most_bytes));
  return std::optional(std::move(cache));
}

fs::path CacheFolder::path_of(CacheKind kind, const std::string& key) const {
  return path_ / name_of(kind) / key;
}

Result<FileHandle> CacheFolder::kind_folder(CacheKind kind, bool make) const {
  const std::string name = name_of(kind);
  if (make && ::mkdirat(root_->fd(), name.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_error(path_ / name, errno);
  }
  return open_private(root_->fd(), name, path_ / name);
}

// A fault costs time, no more; the note says why something is made that was there.
void CacheFolder::drop(CacheKind kind, const std::string& key, const std::string& fault,
                       const Work& work) const {
  work.note(fmt::format("note: the cache's entry {} is not used and is made anew: {}",
                        path_of(kind, key).string(), fault));
  const auto folder = kind_folder(kind, false);
  if (folder.ok()) cache_files::remove_entry(*folder, key);
}

Result<bool> CacheFolder::fetch(CacheKind kind, const std::string& key, const fs::path& to,
                                const Work& work) const {
  const EntryId id{name_of(kind), key, path_of(kind, key)};
  if (!cache_files::is_key(key)) return internal_error(id.path.string(), "is no key of a cache");
  if (!look_at(root_->fd(), id.kind)) return false;
  LAP_ASSIGN_OR_RETURN(const FileHandle folder, kind_folder(kind, false));
  std::string fault;
  {
    LAP_ASSIGN_OR_RETURN(auto entry, EntryReader::open(folder, id, work));
    if (!entry) return false;
    LAP_RETURN_IF_ERROR(remove_made(to));
    std::error_code error;
    fs::create_directories(to, error);
    if (error) return system_error(to, error.value());
    if (Status copied = entry->copy_to(to, work); !copied.ok()) {
      static_cast<void>(remove_made(to));
      return copied.take_error();
    }
    if (entry->fault().empty()) {
      entry->note_use();
      return true;
    }
    fault = entry->fault();
  }
  LAP_RETURN_IF_ERROR(remove_made(to));
  drop(kind, key, fault, work);
  return false;
}

Status CacheFolder::store(CacheKind kind, const std::string& key, const fs::path& from,
                          const Work& work) const {
  const EntryId id{name_of(kind), key, path_of(kind, key)};
  if (!cache_files::is_key(key)) return internal_error(id.path.string(), "is no key of a cache");
  LAP_ASSIGN_OR_RETURN(const std::vector<SizedFile> files, sized_files(from));
  uint64_t bytes = 0;
  for (const SizedFile& file : files) bytes += file.bytes;
  if (bytes > most_bytes_) {
    work.note(fmt::format("note: {} of {} are more than the cache may hold ({}) and are not kept",
                          human_bytes(bytes), from.string(), human_bytes(most_bytes_)));
    return {};
  }
  LAP_RETURN_IF_ERROR(make_room(bytes));
  LAP_ASSIGN_OR_RETURN(const FileHandle folder, kind_folder(kind, true));
  LAP_ASSIGN_OR_RETURN(EntryWriter writer, EntryWriter::begin(folder, id));
  for (const SizedFile& file : files) {
    LAP_RETURN_IF_ERROR(writer.add_file(file.name, from / file.name, work));
  }
  return writer.commit();
}

std::optional<std::string> CacheFolder::fetch_text(CacheKind kind, const std::string& key,
                                                   const Work& work) const {
  const EntryId id{name_of(kind), key, path_of(kind, key)};
  if (!cache_files::is_key(key) || !look_at(root_->fd(), id.kind)) return std::nullopt;
  const auto folder = kind_folder(kind, false);
  if (!folder.ok()) return std::nullopt;
  std::string fault;
  {
    auto entry = EntryReader::open(*folder, id, work);
    if (!entry.ok() || !*entry) return std::nullopt;
    EntryReader& reader = **entry;
    std::string text = reader.text(kTextFile);
    if (reader.fault().empty()) {
      reader.note_use();
      return text;
    }
    fault = reader.fault();
  }
  drop(kind, key, fault, work);
  return std::nullopt;
}

Status CacheFolder::store_text(CacheKind kind, const std::string& key,
                               std::string_view text) const {
  const EntryId id{name_of(kind), key, path_of(kind, key)};
  if (!cache_files::is_key(key)) return internal_error(id.path.string(), "is no key of a cache");
  if (text.size() > most_bytes_) return {};
  LAP_ASSIGN_OR_RETURN(const FileHandle folder, kind_folder(kind, true));
  LAP_ASSIGN_OR_RETURN(EntryWriter writer, EntryWriter::begin(folder, id));
  LAP_RETURN_IF_ERROR(writer.add_text(kTextFile, text));
  return writer.commit(true);
}

CacheListing CacheFolder::list() const {
  CacheListing out;
  for (const std::string& name : names_or_none(*root_, path_, out)) {
    const bool known = std::any_of(kCacheKinds.begin(), kCacheKinds.end(),
                                   [&](CacheKind kind) { return name == name_of(kind); });
    if (!known) ++out.strangers;
  }
  for (const CacheKind kind : kCacheKinds) {
    const auto folder = kind_folder(kind, false);
    if (folder.ok()) {
      list_kind(*folder, path_ / name_of(kind), kind, out);
    } else if (look_at(root_->fd(), name_of(kind)) || errno != ENOENT) {
      out.unread.push_back(path_ / name_of(kind));
    }
  }
  std::sort(out.entries.begin(), out.entries.end(), [](const CachedEntry& a, const CachedEntry& b) {
    return std::tie(a.used, a.kind, a.key) < std::tie(b.used, b.kind, b.key);
  });
  return out;
}

Result<CacheRemoval> CacheFolder::trim(uint64_t most_bytes) const {
  // One at a time: two would each remove what has to go.
  LAP_ASSIGN_OR_RETURN(const FileHandle turn, cache_files::open_folder(root_->fd(), ".", path_));
  while (::flock(turn.fd(), LOCK_EX) != 0 && errno == EINTR) {
  }
  Status leftovers = remove_leftovers();
  const CacheListing now = list();
  uint64_t left = now.bytes();
  CacheRemoval out;
  for (const CachedEntry& entry : now.entries) {
    if (left <= most_bytes) break;
    LAP_ASSIGN_OR_RETURN(const FileHandle folder, kind_folder(entry.kind, false));
    const Removal removal = cache_files::remove_entry(folder, entry.key);
    if (removal == Removal::kStays) {
      return io_error(path_of(entry.kind, entry.key).string(), "cannot be removed");
    }
    if (removal == Removal::kBusy) {
      ++out.busy;
      continue;
    }
    ++out.entries;
    out.bytes += entry.bytes;
    left -= std::min(left, entry.bytes);
  }
  LAP_RETURN_IF_ERROR(std::move(leftovers));
  if (!now.unread.empty()) return io_error(now.unread.front().string(), "cannot be looked at");
  return out;
}

// Goes on after an error, which is that of the first that stays.
Status CacheFolder::remove_leftovers() const {
  Status out;
  for (const CacheKind kind : kCacheKinds) {
    const fs::path path = path_ / name_of(kind);
    const auto folder = kind_folder(kind, false);
    if (!folder.ok()) {
      const bool is_there = look_at(root_->fd(), name_of(kind)) || errno != ENOENT;
      if (is_there && out.ok()) out = folder.error();
      continue;
    }
    const auto names = names_in(*folder, path);
    if (!names.ok()) {
      if (out.ok()) out = names.error();
      continue;
    }
    for (const std::string& name : *names) {
      if (!cache_files::is_leftover(name)) continue;
      const bool stays = cache_files::remove_entry(*folder, name) == Removal::kStays;
      if (stays && out.ok()) out = io_error((path / name).string(), "cannot be removed");
    }
  }
  return out;
}

// What cannot be removed, say on a read-only disk, is no reason not to build.
Status CacheFolder::make_room(uint64_t bytes) const {
  const auto removed = trim(most_bytes_ - std::min(bytes, most_bytes_));
  if (!removed.ok() && removed.error().kind != ErrorKind::kIo) return removed.error();
  return {};
}

}  // namespace lapidary
