#include "build/export_package.h"

#include <algorithm>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/files.h"
#include "build/staging.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;
using engine::Device;
using package::ContextModel;
using package::FileRecord;
using package::Manifest;
using package::Package;

void drop_contexts(const std::vector<ContextModel>& contexts, std::set<std::string>& dropped) {
  for (const ContextModel& context : contexts) {
    dropped.insert(context.file);
    dropped.insert(context.binary);
  }
}

void drop_plain(const Manifest& manifest, const std::vector<ContextModel>& contexts,
                std::set<std::string>& dropped) {
  for (const ContextModel& context : contexts) {
    for (const package::GraphRecord* graph : manifest.parts(context.component, context.role)) {
      if (graph->part != context.part) continue;
      dropped.insert(graph->file);
      dropped.insert(graph->file + ".data");
    }
  }
}

bool is_record_of_build(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  return name == "claims.json" || name == "calibration.json";
}

// Advances `work` by the file's bytes.
Status link_or_copy(const fs::path& from, const fs::path& to, const Work& work) {
  std::error_code problem;
  fs::create_directories(to.parent_path(), problem);
  if (problem) return system_error(to.parent_path(), problem.value());
  // A link to a link would lead nowhere from another folder.
  const fs::path real = fs::canonical(from, problem);
  if (problem) return system_error(from, problem.value());
  fs::create_hard_link(real, to, problem);
  if (problem) return lapidary::copy_file(real, to, work);
  const uintmax_t size = fs::file_size(to, problem);
  if (!problem) work.advance(size);
  return {};
}

// A former export that was killed leaves its files.
Status clear(const fs::path& dir) {
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(dir, problem)) {
    fs::remove_all(entry.path(), problem);
    if (problem) return system_error(entry.path(), problem.value());
  }
  return {};
}

Status fill(const Package& from, const fs::path& dir, const Work& work) {
  LAP_RETURN_IF_ERROR(clear(dir));
  // First of all: it tells a later run whose folder this is.
  LAP_RETURN_IF_ERROR(
      write_file(dir / package::kManifestFile, to_json(from.manifest).dump(2) + "\n"));
  uint64_t bytes = 0;
  for (const FileRecord& file : from.manifest.files) bytes += file.size;
  work.stage("copy", bytes, Unit::kBytes);
  for (const FileRecord& file : from.manifest.files) {
    if (work.is_cancelled()) return cancelled();
    LAP_RETURN_IF_ERROR(link_or_copy(from.path(file.path), dir / file.path, work));
  }
  const auto made = Package::open(dir, package::VerifyMode::kChecksums, work);
  return made.ok() ? Status() : Status(made.error());
}

}  // namespace

Result<Manifest> manifest_for(const Package& package, Device device) {
  LAP_RETURN_IF_ERROR(engine::check_device(package, device));
  Manifest out = package.manifest;
  std::set<std::string> dropped;
  if (out.htp) {
    std::set<std::string> kept;  // one binary may serve both
    const bool emulated = device == Device::kHtpEmulated;
    if (device != Device::kCpu) {
      const auto& contexts = emulated ? out.htp->emulated : out.htp->device;
      drop_plain(out, contexts, dropped);
      drop_contexts(contexts, kept);
    }
    if (!emulated) drop_contexts(std::exchange(out.htp->emulated, {}), dropped);
    if (device != Device::kHtp) drop_contexts(std::exchange(out.htp->device, {}), dropped);
    for (const std::string& path : kept) dropped.erase(path);
    if (device == Device::kCpu) out.htp.reset();
  }
  std::erase_if(out.files, [&](const FileRecord& file) {
    return dropped.contains(file.path) || is_record_of_build(file.path);
  });
  return out;
}

Result<ExportSummary> export_package(const fs::path& package, const fs::path& output,
                                     const ExportOptions& options) {
  Package from;
  from.dir = package;
  LAP_ASSIGN_OR_RETURN(from.manifest, package::read_manifest(package));
  std::error_code ignored;
  if (fs::equivalent(package, output, ignored)) {
    return bad_input(output.string(), "is the package to export", "choose another output");
  }
  LAP_RETURN_IF_ERROR(check_output(output, options.force));
  const size_t before = from.manifest.files.size();
  LAP_ASSIGN_OR_RETURN(from.manifest, manifest_for(from, options.device));
  LAP_RETURN_IF_ERROR(from.verify(package::VerifyMode::kChecksums, options.work));
  LAP_ASSIGN_OR_RETURN(Staging staging, Staging::open(output, {.force = options.force}));
  Status done = fill(from, staging.dir(), options.work);
  if (done.ok()) done = staging.publish();
  if (!done.ok()) {
    staging.discard();
    return done.take_error();
  }
  ExportSummary out;
  out.files = from.manifest.files.size();
  out.left_out = before - out.files;
  for (const FileRecord& file : from.manifest.files) out.bytes += file.size;
  return out;
}

}  // namespace lapidary::build
