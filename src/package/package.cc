#include "package/package.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/folder_handle.h"
#include "base/hash.h"
#include "graph/referenced_files.h"

namespace lapidary::package {
namespace {

constexpr const char* kRestore = "restore the file, or build the package again";

// Returns what the file is, as it was before it was read.
Result<FileIdentity> verify_record(const HeldFolder& folder, const std::filesystem::path& path,
                                   const FileRecord& record, VerifyMode mode, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const FileIdentity found, folder.identity(record.path));
  if (found.size != record.size) {
    return bad_input(path.string(),
                     fmt::format("has {} bytes, the manifest says {}", found.size, record.size),
                     kRestore);
  }
  if (mode == VerifyMode::kSizes) return found;
  LAP_ASSIGN_OR_RETURN(const HeldFile file, folder.open_file(record.path));
  LAP_ASSIGN_OR_RETURN(const std::string hash, file_hash(file.handle.fd(), path, work));
  if (hash != record.xxh3) {
    return bad_input(path.string(),
                     fmt::format("has checksum {}, the manifest says {}", hash, record.xxh3),
                     kRestore);
  }
  return file.identity;
}

Status load_manifest(Package& package) {
  // By its path, like what ONNX Runtime opens: unchanged() tells whether that was this folder.
  const auto inside = package.folder->identity(kManifestFile);
  std::error_code ignored;
  if (!inside.ok() && std::filesystem::exists(package.path(kManifestFile), ignored)) {
    return inside.error();
  }
  LAP_ASSIGN_OR_RETURN(package.manifest, read_manifest(package.dir));
  return {};
}

Result<Package> hold_folder(const std::filesystem::path& dir) {
  Package out;
  out.dir = dir;
  auto folder = HeldFolder::open(dir);
  if (!folder.ok()) {
    const auto manifest = read_manifest(dir);  // says what a package is
    return manifest.ok() ? folder.take_error() : manifest.error();
  }
  out.folder = std::move(folder).value();
  return out;
}

}  // namespace

Result<Package> Package::open(const std::filesystem::path& dir, VerifyMode mode, const Work& work) {
  LAP_ASSIGN_OR_RETURN(Package out, hold(dir));
  LAP_RETURN_IF_ERROR(out.verify(mode, work));
  return out;
}

Result<Package> Package::hold(const std::filesystem::path& dir) {
  LAP_ASSIGN_OR_RETURN(Package out, hold_folder(dir));
  LAP_RETURN_IF_ERROR(load_manifest(out));
  return out;
}

Status Package::verify(VerifyMode mode, const Work& work) {
  if (folder == nullptr) return internal_error(dir.string(), "was not opened");
  if (mode == VerifyMode::kChecksums) {
    uint64_t bytes = 0;
    for (const FileRecord& record : manifest.files) bytes += record.size;
    work.stage("checksums", bytes, Unit::kBytes);
  }
  for (const FileRecord& record : manifest.files) {
    LAP_ASSIGN_OR_RETURN(verified[record.path],
                         verify_record(*folder, path(record.path), record, mode, work));
  }
  return {};
}

Status Package::verify_file(const std::string& relative, VerifyMode mode, const Work& work) {
  if (folder == nullptr) return internal_error(dir.string(), "was not opened");
  LAP_ASSIGN_OR_RETURN(const std::filesystem::path file, listed(relative));
  for (const FileRecord& record : manifest.files) {
    if (record.path != relative) continue;
    LAP_ASSIGN_OR_RETURN(verified[relative], verify_record(*folder, file, record, mode, work));
  }
  return {};
}

Status Package::unchanged() const {
  if (folder == nullptr) return {};
  if (!folder->is_still_at(dir)) {
    return io_error(dir.string(), "was replaced while it was being read", "run again");
  }
  for (const auto& [file, identity] : verified) {
    const auto now = folder->identity(file);
    if (now.ok() && *now == identity) continue;
    return io_error(path(file).string(), "was changed while it was being read", "run again");
  }
  return {};
}

Error Package::explained(Error error) const {
  if (error.kind == ErrorKind::kCancelled) return error;
  Status status = unchanged();
  return status.ok() ? error : status.take_error();
}

Result<std::filesystem::path> Package::listed(const std::string& relative) const {
  if (manifest.lists(relative)) return path(relative);
  return bad_input(path(relative).string(),
                   fmt::format("is not among the files that {} lists", kManifestFile),
                   "build the package again");
}

Result<bool> Package::has(const std::string& relative) const {
  if (manifest.lists(relative)) return true;
  if (!is_there(path(relative))) return false;
  return bad_input(path(relative).string(),
                   fmt::format("is not among the files that {} lists", kManifestFile),
                   "remove the file, or build the package again");
}

Status Package::check_references(const std::string& graph) const {
  LAP_ASSIGN_OR_RETURN(const auto references, graph::referenced_files(path(graph)));
  for (const std::string& reference : references) {
    const std::filesystem::path relative(reference);
    const bool up = std::find(relative.begin(), relative.end(), "..") != relative.end();
    const std::filesystem::path file = std::filesystem::path(graph).parent_path() / relative;
    if (!up && manifest.lists(file.lexically_normal().string())) continue;
    return bad_input(path(graph).string(),
                     fmt::format("refers to '{}', which is not among the files that {} lists",
                                 reference, kManifestFile),
                     "build the package again");
  }
  return {};
}

Result<const GraphRecord*> Package::component(const std::string& name) const {
  if (const GraphRecord* found = manifest.component(name)) return found;
  std::vector<std::string> names;
  for (const GraphRecord& each : manifest.components) names.push_back(each.name);
  return bad_input((dir / kManifestFile).string(), fmt::format("there is no component '{}'", name),
                   fmt::format("it has: {}", fmt::join(names, ", ")));
}

Status while_unchanged(const std::filesystem::path& dir,
                       const std::function<Status(Package& package)>& use) {
  for (bool again = false;; again = true) {
    LAP_ASSIGN_OR_RETURN(Package package, hold_folder(dir));
    Status done = load_manifest(package);
    if (done.ok()) done = use(package);
    if (!done.ok() && done.error().kind == ErrorKind::kCancelled) return done;
    Status unchanged = package.unchanged();
    if (unchanged.ok()) return done;
    if (again) return unchanged;
  }
}

}  // namespace lapidary::package
