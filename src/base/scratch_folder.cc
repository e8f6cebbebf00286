#include "base/scratch_folder.h"

#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace lapidary {
namespace {

struct LiveFolders {
  std::mutex mutex;
  std::set<std::filesystem::path> paths;
};

// Never destroyed: remove_all() may run while the process ends.
LiveFolders& live_folders() {
  static auto* const folders = new LiveFolders();
  return *folders;
}

void remove_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace

Result<std::unique_ptr<ScratchFolder>> ScratchFolder::create() {
  std::error_code error;
  const auto temp = std::filesystem::temp_directory_path(error);
  std::string name = (temp / "lapidary-XXXXXX").string();
  if (error || mkdtemp(name.data()) == nullptr) {
    return io_error(name, "cannot make a temporary folder", "set TMPDIR to a writable folder");
  }
  return std::make_unique<ScratchFolder>(name);
}

ScratchFolder::ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {
  LiveFolders& live = live_folders();
  const std::scoped_lock lock(live.mutex);
  live.paths.insert(path_);
}

ScratchFolder::~ScratchFolder() {
  remove_folder(path_);
  LiveFolders& live = live_folders();
  const std::scoped_lock lock(live.mutex);
  live.paths.erase(path_);
}

void ScratchFolder::remove_all() {
  LiveFolders& live = live_folders();
  const std::scoped_lock lock(live.mutex);
  for (const auto& path : live.paths) remove_folder(path);
}

}  // namespace lapidary
