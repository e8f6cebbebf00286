#include "base/cache_entry.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/files.h"

namespace lapidary::cache_files {
namespace {

namespace fs = std::filesystem;

constexpr const char* kListFile = "entry.json";
constexpr int kListFormat = 2;
constexpr uint64_t kMostListBytes = 16 << 20;
constexpr uint64_t kMostTextBytes = 1 << 20;
constexpr size_t kKeyDigits = 32;
// How often something else may take the place of what is being opened.
constexpr int kTries = 8;

// Unlike that of any other process that runs, or ran in another container: mkdir tells.
std::string passing_name(std::string_view key, const char* ending) {
  static std::atomic<unsigned> count{0};
  return fmt::format("{}.{}.{}.{}", key.substr(0, kKeyDigits), ::getpid(), count++, ending);
}

// False when another process has it. File systems that cannot lock give no protection.
bool lock_now(const FileHandle& entry) {
  return ::flock(entry.fd(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

// Whoever holds it exclusively is about to rename or to delete, which takes a moment.
Status lock_to_read(const FileHandle& entry, const Work& work) {
  while (::flock(entry.fd(), LOCK_SH) != 0 && errno == EINTR) {
    if (work.is_cancelled()) return cancelled();
  }
  return {};
}

bool is_own_folder(const FileHandle& entry) {
  struct stat info {};
  return ::fstat(entry.fd(), &info) == 0 && info.st_uid == ::geteuid();
}

// At most so many bytes; a fault otherwise.
FileSum read_small(const FileHandle& entry, const std::string& file, uint64_t most,
                   std::string& text) {
  auto opened = open_file(entry, file);
  if (!opened.ok()) return {0, "", opened.error().what};
  const auto take = [&](std::string_view piece) -> Status {
    text += piece;
    return text.size() <= most ? Status() : io_error(file, "is too large");
  };
  auto sum = read_through(*opened, take);
  if (!sum.ok()) return {0, "", sum.error().what};
  return *std::move(sum);
}

Json list_line(const FileSum& sum) { return {{"bytes", sum.bytes}, {"hash", sum.hash}}; }

Result<FileHandle> create_output(const fs::path& path) {
  FileHandle file(::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644));
  if (!file.is_open()) return system_error(path, errno);
  return file;
}

}  // namespace

bool is_key(std::string_view name) {
  return name.size() == kKeyDigits &&
         name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_leftover(std::string_view name) {
  if (name.size() <= kKeyDigits || !is_key(name.substr(0, kKeyDigits))) return false;
  return name.ends_with(".partial") || name.ends_with(".removed") ||
         name.substr(kKeyDigits) == ".json" || name.substr(kKeyDigits) == ".json.tmp";
}

std::optional<bool> is_entry(const FileHandle& folder, const std::string& name) {
  if (!is_key(name)) return false;
  // Nothing of that name, when it is not there; else it cannot be looked at.
  const auto unless_gone = [] { return errno == ENOENT ? std::optional(false) : std::nullopt; };
  const auto info = look_at(folder.fd(), name);
  if (!info) return unless_gone();
  if (!S_ISDIR(info->st_mode) || info->st_uid != ::geteuid()) return false;
  const FileHandle entry(
      ::openat(folder.fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!entry.is_open()) return unless_gone();
  const auto list = look_at(entry.fd(), kListFile);
  return list ? std::optional(S_ISREG(list->st_mode)) : unless_gone();
}

Result<std::optional<EntryReader>> EntryReader::open(const FileHandle& folder, const EntryId& id,
                                                     const Work& work) {
  for (int i = 0; i < kTries; ++i) {
    if (!look_at(folder.fd(), id.key)) break;
    auto entry = open_folder(folder.fd(), id.key, id.path);
    if (!entry.ok()) {
      EntryReader reader{FileHandle()};
      reader.fault_ = entry.error().what;
      return std::optional(std::move(reader));
    }
    LAP_RETURN_IF_ERROR(lock_to_read(*entry, work));
    if (!is_same(*entry, folder.fd(), id.key)) continue;
    EntryReader reader(std::move(*entry));
    reader.read_list(id);
    return std::optional(std::move(reader));
  }
  return std::optional<EntryReader>();
}

void EntryReader::read_list(const EntryId& id) {
  if (!is_own_folder(entry_)) {
    fault_ = "belongs to another user";
    return;
  }
  std::string text;
  fault_ = read_small(entry_, kListFile, kMostListBytes, text).fault;
  if (!fault_.empty()) {
    fault_ = fmt::format("{}: {}", kListFile, fault_);
    return;
  }
  const auto list = parse_json(text, kListFile);
  if (!list.ok() || !list->is_object() || !list->contains("files") ||
      !list->at("files").is_object() || list->value("format", Json()) != Json(kListFormat)) {
    fault_ = fmt::format("{} is no list of this version's", kListFile);
    return;
  }
  if (list->value("kind", Json()) != Json(id.kind) || list->value("key", Json()) != Json(id.key)) {
    fault_ = "is the entry of another key";
    return;
  }
  files_ = list->at("files");
  const auto found = files_below(entry_);
  size_t known = 0;
  if (found) {
    for (const std::string& file : *found) known += files_.contains(file) ? 1 : 0;
  }
  // The list itself is the one that it does not name.
  if (!found || found->size() != files_.size() + 1 || known != files_.size()) {
    fault_ = "has other files than its list";
  }
}

void EntryReader::compare(const std::string& file, const FileSum& sum) {
  if (!sum.fault.empty()) {
    fault_ = fmt::format("{}: {}", file, sum.fault);
  } else if (!files_.contains(file) || files_.at(file) != list_line(sum)) {
    fault_ = fmt::format("{} is not what its list says", file);
  }
}

Status EntryReader::copy_file(const std::string& file, const fs::path& to, const Work& work) {
  const auto from = open_file(entry_, file);
  if (!from.ok()) {
    fault_ = fmt::format("{}: {}", file, from.error().what);
    return {};
  }
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  if (error) return system_error(to.parent_path(), error.value());
  LAP_ASSIGN_OR_RETURN(const FileHandle output, create_output(to));
  const auto take = [&](std::string_view piece) { return write_bytes(output.fd(), piece, to); };
  LAP_ASSIGN_OR_RETURN(const FileSum sum, read_through(*from, take, work));
  LAP_RETURN_IF_ERROR(flush_to_disk(output, to));
  compare(file, sum);
  return {};
}

Status EntryReader::copy_to(const fs::path& to, const Work& work) {
  for (auto file = files_.begin(); file != files_.end() && fault_.empty(); ++file) {
    LAP_RETURN_IF_ERROR(copy_file(file.key(), to / file.key(), work));
  }
  return {};
}

std::string EntryReader::text(const std::string& file) {
  if (!fault_.empty()) return "";
  std::string out;
  compare(file, read_small(entry_, file, kMostTextBytes, out));
  return fault_.empty() ? out : "";
}

void EntryReader::note_use() const {
  // A folder that cannot be written to, say on a read-only disk, has no need to forget.
  static_cast<void>(::futimens(entry_.fd(), nullptr));
}

Result<EntryWriter> EntryWriter::begin(const FileHandle& folder, EntryId id) {
  for (int i = 0; i < kTries; ++i) {
    const std::string name = passing_name(id.key, "partial");
    if (::mkdirat(folder.fd(), name.c_str(), 0700) != 0) {
      if (errno == EEXIST) continue;
      return system_error(id.path, errno);
    }
    auto entry = open_folder(folder.fd(), name, id.path);
    // Until it is locked it looks like a killed process's, and another may remove it.
    if (entry.ok() && lock_now(*entry) && is_same(*entry, folder.fd(), name)) {
      return EntryWriter(folder, std::move(id), name, std::move(*entry));
    }
  }
  return io_error(id.path.string(), "cannot be written: other processes remove it");
}

EntryWriter::EntryWriter(EntryWriter&& other) noexcept
    : folder_(other.folder_),
      id_(std::move(other.id_)),
      name_(std::exchange(other.name_, {})),
      entry_(std::move(other.entry_)),
      files_(std::move(other.files_)) {}

EntryWriter::~EntryWriter() {
  if (!name_.empty()) remove_tree(folder_->fd(), name_);
}

Status EntryWriter::add_file(const std::string& name, const fs::path& from, const Work& work) {
  const FileHandle source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.is_open()) return system_error(from, errno);
  auto output = create_file(entry_, name);
  if (!output.ok()) return output.error();
  const fs::path path = id_.path / name;
  const auto take = [&](std::string_view piece) { return write_bytes(output->fd(), piece, path); };
  LAP_ASSIGN_OR_RETURN(const FileSum sum, read_through(source, take, work));
  if (!sum.fault.empty()) return io_error(from.string(), sum.fault);
  files_[name] = list_line(sum);
  return flush_to_disk(*output, path);
}

Status EntryWriter::add_text(const std::string& name, std::string_view text) {
  LAP_ASSIGN_OR_RETURN(const FileHandle output, create_file(entry_, name));
  LAP_RETURN_IF_ERROR(write_bytes(output.fd(), text, id_.path / name));
  LAP_RETURN_IF_ERROR(flush_to_disk(output, id_.path / name));
  LAP_ASSIGN_OR_RETURN(const FileHandle written, open_file(entry_, name));
  const auto take = [](std::string_view) { return Status(); };
  LAP_ASSIGN_OR_RETURN(const FileSum sum, read_through(written, take));
  files_[name] = list_line(sum);
  return {};
}

Status EntryWriter::write_list() {
  const Json list = {
      {"format", kListFormat}, {"kind", id_.kind}, {"key", id_.key}, {"files", files_}};
  const fs::path path = id_.path / kListFile;
  LAP_ASSIGN_OR_RETURN(const FileHandle output, create_file(entry_, kListFile));
  LAP_RETURN_IF_ERROR(
      write_bytes(output.fd(), list.dump(1, ' ', false, Json::error_handler_t::replace), path));
  LAP_RETURN_IF_ERROR(flush_to_disk(output, path));
  return flush_to_disk(entry_, id_.path);
}

Status EntryWriter::commit(bool replace) {
  LAP_RETURN_IF_ERROR(write_list());
  const auto rename = [this] {
    return ::renameat(folder_->fd(), name_.c_str(), folder_->fd(), id_.key.c_str()) == 0;
  };
  bool done = rename();
  if (!done) {
    const auto there = look_at(folder_->fd(), id_.key);
    if (there && S_ISDIR(there->st_mode) && !replace) return {};
    if (!there) return system_error(id_.path, errno);
    // Somebody reads it, or was quicker to write the same: then that one stays.
    if (remove_entry(*folder_, id_.key) != Removal::kGone) return {};
    done = rename();
  }
  if (done) {
    name_.clear();
    entry_ = FileHandle();  // with its lock: others may read
  }
  return flush_to_disk(*folder_, id_.path);
}

Removal remove_entry(const FileHandle& folder, const std::string& name) {
  const auto info = look_at(folder.fd(), name);
  if (!info) return Removal::kGone;
  if (!S_ISDIR(info->st_mode)) {
    return remove_tree(folder.fd(), name) ? Removal::kGone : Removal::kStays;
  }
  const auto entry = open_folder(folder.fd(), name, name);
  if (!entry.ok()) return Removal::kStays;
  if (!lock_now(*entry)) return Removal::kBusy;
  if (!is_same(*entry, folder.fd(), name)) return Removal::kGone;
  // Killed from here on, there is no half entry in the entry's place.
  std::string doomed = name;
  if (!is_leftover(name)) {
    doomed = passing_name(name, "removed");
    if (::renameat(folder.fd(), name.c_str(), folder.fd(), doomed.c_str()) != 0) {
      return Removal::kStays;
    }
    // Nor after a power cut: the new name is on disk before the first file goes.
    if (!flush_to_disk(folder, name).ok()) return Removal::kStays;
  }
  return remove_tree(folder.fd(), doomed) ? Removal::kGone : Removal::kStays;
}

bool is_busy(const FileHandle& folder, const std::string& name) {
  const auto entry = open_folder(folder.fd(), name, name);
  return entry.ok() && !lock_now(*entry);
}

}  // namespace lapidary::cache_files
