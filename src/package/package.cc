#include "package/package.h"

#include <fmt/format.h>

#include <string>
#include <system_error>
#include <vector>

#include "base/hash.h"

namespace lapidary::package {
namespace {

constexpr const char* kRestore = "restore the file, or build the package again";

Status verify_file(const std::filesystem::path& path, const FileRecord& record, VerifyMode mode,
                   const Work& work) {
  std::error_code problem;
  const uintmax_t size = std::filesystem::file_size(path, problem);
  if (problem == std::errc::no_such_file_or_directory) {
    return bad_input(path.string(), "is missing", kRestore);
  }
  if (problem) return io_error(path.string(), problem.message(), kRestore);
  if (size != record.size) {
    return bad_input(path.string(),
                     fmt::format("has {} bytes, the manifest says {}", size, record.size),
                     kRestore);
  }
  if (mode == VerifyMode::kSizes) return {};
  LAP_ASSIGN_OR_RETURN(const std::string hash, file_hash(path, work));
  if (hash != record.xxh3) {
    return bad_input(path.string(),
                     fmt::format("has checksum {}, the manifest says {}", hash, record.xxh3),
                     kRestore);
  }
  return {};
}

}  // namespace

Result<Package> Package::open(const std::filesystem::path& dir, VerifyMode mode, const Work& work) {
  Package out;
  out.dir = dir;
  LAP_ASSIGN_OR_RETURN(out.manifest, read_manifest(dir));
  LAP_RETURN_IF_ERROR(out.verify(mode, work));
  return out;
}

Status Package::verify(VerifyMode mode, const Work& work) const {
  if (mode == VerifyMode::kChecksums) {
    uint64_t bytes = 0;
    for (const FileRecord& record : manifest.files) bytes += record.size;
    work.stage("checksums", bytes, Unit::kBytes);
  }
  for (const FileRecord& record : manifest.files) {
    LAP_RETURN_IF_ERROR(verify_file(dir / record.path, record, mode, work));
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

}  // namespace lapidary::package
