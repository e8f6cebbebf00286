#include "htp/compile_cache.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEntryFile = "entry.json";

Status make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  return error ? Status(system_error(folder, error.value())) : Status();
}

void remove_folder(const fs::path& folder) {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

// Relative paths of all regular files, in order.
Result<std::vector<fs::path>> files_below(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at->is_regular_file(error)) files.push_back(at->path().lexically_relative(folder));
  }
  if (error) return system_error(folder, error.value());
  std::sort(files.begin(), files.end());
  return files;
}

// An entry's own files by its list; an error when it is damaged.
Status copy_entry(const fs::path& entry, const fs::path& to, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument list, JsonDocument::load(entry / kEntryFile));
  JsonReader reader = list.root();
  JsonReader hashes = reader.child("files");
  LAP_RETURN_IF_ERROR(reader.status());
  LAP_ASSIGN_OR_RETURN(const std::vector<fs::path> files, files_below(entry));
  if (files.size() != hashes.json().size() + 1) return io_error(entry.string(), "lacks files");
  for (const fs::path& file : files) {
    if (file == kEntryFile) continue;
    const std::string expected = hashes.string(file.generic_string());
    LAP_RETURN_IF_ERROR(hashes.status());
    LAP_RETURN_IF_ERROR(make_folder((to / file).parent_path()));
    LAP_RETURN_IF_ERROR(lapidary::copy_file(entry / file, to / file, work.silent()));
    LAP_ASSIGN_OR_RETURN(const std::string hash, file_hash(to / file, work));
    if (hash != expected) return io_error((entry / file).string(), "is damaged");
  }
  return {};
}

Status fill(const fs::path& entry, const fs::path& from, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const std::vector<fs::path> files, files_below(from));
  Json hashes = Json::object();
  for (const fs::path& file : files) {
    LAP_RETURN_IF_ERROR(make_folder((entry / file).parent_path()));
    LAP_RETURN_IF_ERROR(lapidary::copy_file(from / file, entry / file, work.silent()));
    LAP_ASSIGN_OR_RETURN(hashes[file.generic_string()], file_hash(entry / file, work));
  }
  return write_file(entry / kEntryFile, Json{{"files", std::move(hashes)}}.dump(1));
}

}  // namespace

Result<CompileCache> CompileCache::open(const fs::path& folder) {
  LAP_RETURN_IF_ERROR(make_folder(folder));
  return CompileCache(folder);
}

Result<bool> CompileCache::fetch(const std::string& key, const fs::path& to,
                                 const Work& work) const {
  const fs::path entry = folder_ / key;
  std::error_code ignored;
  if (!fs::exists(entry, ignored)) return false;
  remove_folder(to);
  LAP_RETURN_IF_ERROR(make_folder(to));
  const Status copied = copy_entry(entry, to, work);
  if (copied.ok()) return true;
  remove_folder(to);
  if (copied.error().kind == ErrorKind::kCancelled) return copied.error();
  remove_folder(entry);
  return false;
}

Status CompileCache::store(const std::string& key, const fs::path& from, const Work& work) const {
  const fs::path entry = folder_ / key;
  const fs::path staged = folder_ / fmt::format("{}.{}.partial", key, getpid());
  remove_folder(staged);
  LAP_RETURN_IF_ERROR(make_folder(staged));
  Status filled = fill(staged, from, work);
  if (filled.ok() && std::rename(staged.c_str(), entry.c_str()) == 0)
    return sync_directory(folder_);
  remove_folder(staged);
  std::error_code ignored;
  if (!filled.ok() || fs::exists(entry, ignored)) return filled;
  return io_error(entry.string(), "cannot be renamed into place");
}

Result<std::string> cache_key(std::span<const std::string> texts, std::span<const fs::path> files,
                              const Work& work) {
  Json parts = Json::array();
  for (const std::string& text : texts) parts.push_back(text);
  parts.push_back("files");
  for (const fs::path& file : files) {
    LAP_ASSIGN_OR_RETURN(const std::string hash, file_hash(file, work));
    parts.push_back(hash);
  }
  return content_hash(parts.dump(-1, ' ', true, Json::error_handler_t::replace));
}

}  // namespace lapidary::htp
