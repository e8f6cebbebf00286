#include "build/owned_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "build/journal.h"
#include "build/plan_comparison.h"
#include "contract/component.h"
#include "package/genai_processors.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;

class FolderHandle {
 public:
  // `name` below the folder `at` (AT_FDCWD: a path); `shown` for the error.
  static Result<FolderHandle> open(int at, const char* name, const fs::path& shown) {
    const int fd = ::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return system_error(shown, errno);
    return FolderHandle(fd);
  }
  FolderHandle(FolderHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderHandle& operator=(FolderHandle&&) = delete;
  FolderHandle(const FolderHandle&) = delete;
  FolderHandle& operator=(const FolderHandle&) = delete;
  ~FolderHandle() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  explicit FolderHandle(int fd) : fd_(fd) {}
  int fd_;
};

// What tells whose a folder is, in the order in which it goes.
int rank_of(const std::string& name) {
  if (name == kJournalFile) return 2;
  return name == package::kManifestFile ? 1 : 0;
}

// Read as a whole, since the names change while they are gone through.
Result<std::vector<std::string>> names_in(const FolderHandle& folder, const fs::path& shown) {
  // The stream closes its descriptor.
  const int fd = ::openat(folder.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_error(shown, errno);
  DIR* stream = ::fdopendir(fd);
  if (stream == nullptr) {
    const int code = errno;
    ::close(fd);
    return system_error(shown, code);
  }
  std::vector<std::string> out;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") out.push_back(std::move(name));
    errno = 0;
  }
  const int code = errno;
  ::closedir(stream);
  if (code != 0) return system_error(shown, code);
  std::sort(out.begin(), out.end(), [](const std::string& a, const std::string& b) {
    return std::pair(rank_of(a), std::string_view(a)) < std::pair(rank_of(b), std::string_view(b));
  });
  return out;
}

struct Visited {
  std::string path;         // relative to where the walk began
  int folder;               // that it is in
  const std::string& name;  // there
  mode_t mode;
  fs::path shown;
};
using Visit = std::function<Status(const Visited&)>;

// Everything in the folder, folders after what is in them.
Status walk(const FolderHandle& folder, const fs::path& shown, const std::string& prefix,
            const Visit& visit) {
  LAP_ASSIGN_OR_RETURN(const std::vector<std::string> names, names_in(folder, shown));
  for (const std::string& name : names) {
    struct stat info {};
    if (::fstatat(folder.fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return system_error(shown / name, errno);
    }
    if (S_ISDIR(info.st_mode)) {
      LAP_ASSIGN_OR_RETURN(const FolderHandle inner,
                           FolderHandle::open(folder.fd(), name.c_str(), shown / name));
      LAP_RETURN_IF_ERROR(walk(inner, shown / name, prefix + name + "/", visit));
    }
    LAP_RETURN_IF_ERROR(visit({prefix + name, folder.fd(), name, info.st_mode, shown / name}));
  }
  return {};
}

Status walk(const fs::path& folder, const Visit& visit) {
  LAP_ASSIGN_OR_RETURN(const FolderHandle handle,
                       FolderHandle::open(AT_FDCWD, folder.c_str(), folder));
  return walk(handle, folder, "", visit);
}

// Some file systems cannot flush a folder and say EINVAL; there is nothing to be done then.
Status flush_handle(int fd, const fs::path& shown) {
  return ::fsync(fd) == 0 || errno == EINVAL ? Status() : system_error(shown, errno);
}

constexpr std::array<std::string_view, 13> kNamesOfBuilds = {
    kJournalFile, package::kManifestFile, kPlanFile, "genai_config.json",
    package::kImageProcessorFile, package::kAudioProcessorFile,
    // Side files: Checkpoint::side_files().
    "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
    "processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json"};

constexpr std::array<std::string_view, 4> kSuffixesOfGraphs = {".onnx", ".data", ".json", ".bin"};

// Where others work: the vendor's libraries write what they like.
bool is_in_working_folder(const fs::path& path) {
  const fs::path top = *path.begin();
  if (top == path || !contract::component_named(top.stem().string())) return false;
  if (top.extension() == ".probe") return true;
  for (fs::path at = path.parent_path(); at != top; at = at.parent_path()) {
    if (at.extension() == ".partial") return true;
  }
  return false;
}

bool is_name_of_build(std::string_view path) {
  // What replace_file writes first.
  if (path.ends_with(".tmp")) path.remove_suffix(4);
  if (const size_t slash = path.find('/'); slash != std::string_view::npos) {
    const std::string suffix = fs::path(path).extension().string();
    return contract::component_named(path.substr(0, slash)) &&
           std::find(kSuffixesOfGraphs.begin(), kSuffixesOfGraphs.end(), suffix) !=
               kSuffixesOfGraphs.end();
  }
  return std::find(kNamesOfBuilds.begin(), kNamesOfBuilds.end(), path) != kNamesOfBuilds.end();
}

}  // namespace

IsOurs files_of_package(const package::Manifest& manifest) {
  std::set<std::string> listed;
  for (const package::FileRecord& file : manifest.files) {
    listed.insert(fs::path(file.path).lexically_normal().generic_string());
  }
  return [listed = std::move(listed)](const std::string& path, mode_t mode) {
    if (listed.contains(path)) return S_ISREG(mode) || S_ISLNK(mode);
    const bool own = path == package::kManifestFile ||
                     path == std::string(package::kManifestFile) + ".tmp";  // of `eval --record`
    return own && S_ISREG(mode);
  };
}

IsOurs files_of_build() {
  return [](const std::string& path, mode_t mode) {
    return is_in_working_folder(path) || (S_ISREG(mode) && is_name_of_build(path));
  };
}

Result<std::string> first_foreign(const fs::path& folder, const IsOurs& ours) {
  std::string out;
  LAP_RETURN_IF_ERROR(walk(folder, [&](const Visited& entry) -> Status {
    if (out.empty() && !S_ISDIR(entry.mode) && !ours(entry.path, entry.mode)) out = entry.path;
    return {};
  }));
  return out;
}

Status remove_files(const fs::path& folder, const IsOurs& ours) {
  return walk(folder, [&](const Visited& entry) -> Status {
    const bool is_folder = S_ISDIR(entry.mode);
    if (!is_folder && !ours(entry.path, entry.mode)) return {};
    if (::unlinkat(entry.folder, entry.name.c_str(), is_folder ? AT_REMOVEDIR : 0) == 0) return {};
    const bool stays = is_folder && (errno == ENOTEMPTY || errno == EEXIST);
    return stays || errno == ENOENT ? Status() : system_error(entry.shown, errno);
  });
}

Status remove_folder(const fs::path& folder, const IsOurs& ours) {
  LAP_RETURN_IF_ERROR(remove_files(folder, ours));
  return ::rmdir(folder.c_str()) == 0 ? Status() : system_error(folder, errno);
}

Status flush_folder(const fs::path& folder) {
  LAP_RETURN_IF_ERROR(walk(folder, [](const Visited& entry) -> Status {
    if (!S_ISREG(entry.mode) && !S_ISDIR(entry.mode)) return {};
    const int fd = ::openat(entry.folder, entry.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return system_error(entry.shown, errno);
    Status status = flush_handle(fd, entry.shown);
    ::close(fd);
    return status;
  }));
  return sync_directory(folder);
}

}  // namespace lapidary::build
