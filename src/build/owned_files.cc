#include "build/owned_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "build/journal.h"
#include "build/plan_comparison.h"
#include "calibration/hand_over.h"
#include "calibration/observed_run.h"
#include "contract/component.h"
#include "package/genai_processors.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;

// What tells whose a folder is goes last.
WalkRules in_order() { return {.last = {package::kManifestFile, kJournalFile}, .goes_on = false}; }

Result<FileHandle> open_plain(const fs::path& folder) {
  return open_folder_at(AT_FDCWD, folder.string(), folder);
}

constexpr std::array<std::string_view, 17> kNamesOfBuilds = {
    kJournalFile, package::kManifestFile, kPlanFile, "genai_config.json",
    package::kImageProcessorFile, package::kAudioProcessorFile,
    // Side files: Checkpoint::side_files().
    "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
    "processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json",
    "chat_template.json",
    // While a component is calibrated.
    calibration::kScratchModel, calibration::kScratchModelData, calibration::kScratchValues};

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
  LAP_ASSIGN_OR_RETURN(const FileHandle handle, open_plain(folder));
  std::string out;
  const auto look = [&](const FolderEntry& entry) -> Status {
    const mode_t mode = entry.info.st_mode;
    if (out.empty() && !S_ISDIR(mode) && !ours(entry.path, mode)) out = entry.path;
    return {};
  };
  LAP_RETURN_IF_ERROR(walk_below(handle, folder, look, in_order()));
  return out;
}

Status remove_files(const fs::path& folder, const IsOurs& ours) {
  LAP_ASSIGN_OR_RETURN(const FileHandle handle, open_plain(folder));
  const IsOurs others = [&](const std::string& path, mode_t mode) {
    return path != package::kManifestFile && path != kJournalFile && ours(path, mode);
  };
  LAP_RETURN_IF_ERROR(remove_below(handle, folder, others, in_order()));
  // A power cut may keep the later of two removals and lose the earlier.
  LAP_RETURN_IF_ERROR(flush_to_disk(handle, folder));
  return remove_below(handle, folder, ours, in_order());
}

Status remove_folder(const fs::path& folder, const IsOurs& ours) {
  LAP_RETURN_IF_ERROR(remove_files(folder, ours));
  return ::rmdir(folder.c_str()) == 0 ? Status() : system_error(folder, errno);
}

Status flush_folder(const fs::path& folder) {
  LAP_ASSIGN_OR_RETURN(const FileHandle handle, open_plain(folder));
  return flush_below(handle, folder);
}

}  // namespace lapidary::build
