#include "recipe/build.h"

#include <chrono>
#include <system_error>

#include "base/files.h"
#include "base/version.h"
#include "checkpoint/checkpoint.h"
#include "graph/onnx_writer.h"
#include "package/file_hash.h"
#include "package/side_files.h"
#include "package/text_model.h"
#include "recipe/journal.h"
#include "recipe/staging.h"
#include "recipe/text_check.h"

namespace lapidary::recipe {
namespace {

namespace fs = std::filesystem;

// Model files without weights, and the manifest: a generous allowance beside the weights.
constexpr uint64_t kOtherBytes = 16 << 20;

class Build {
 public:
  Build(const Recipe& recipe, const BuildOptions& options, const checkpoint::Checkpoint& checkpoint,
        const Plan& plan, Staging& staging)
      : recipe_(recipe),
        options_(options),
        checkpoint_(checkpoint),
        plan_(plan),
        staging_(staging),
        progress_(options.progress != nullptr ? *options.progress : null_progress_) {}

  Result<BuildSummary> run() {
    LAP_RETURN_IF_ERROR(keep_finished());
    LAP_RETURN_IF_ERROR(check_space());
    describe();
    for (const PlannedComponent& component : plan_.components) {
      LAP_RETURN_IF_ERROR(make(component));
    }
    LAP_RETURN_IF_ERROR(finish());
    return std::move(summary_);
  }

  // Whether a later build can use anything of this one.
  bool has_finished_components() const { return !journal_.components.empty(); }

 private:
  bool is_intact(const FinishedComponent& finished) const {
    for (const package::FileRecord& file : finished.files) {
      const auto found = package::file_record(staging_.dir(), file.path, nullptr, options_.cancel);
      if (!found.ok() || found->size != file.size || found->xxh3 != file.xxh3) return false;
    }
    return !finished.files.empty();
  }

  // Keeps what an earlier, interrupted build of the same thing finished; empties the rest.
  Status keep_finished() {
    const Journal former = Journal::read(staging_.dir());
    for (const PlannedComponent& component : plan_.components) {
      const auto it = former.components.find(component.name);
      if (it == former.components.end() || it->second.key != component.key) continue;
      if (!is_intact(it->second)) continue;
      journal_.components[component.name] = it->second;
      progress_.note("resuming: " + component.name + " is finished already");
    }
    if (options_.cancel != nullptr && options_.cancel->cancelled()) return cancelled();
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(staging_.dir(), problem)) {
      const std::string name = entry.path().filename().string();
      if (name == kJournalFile || journal_.components.contains(name)) continue;
      fs::remove_all(entry.path(), problem);
    }
    return journal_.write(staging_.dir());
  }

  Status check_space() const {
    uint64_t needed = kOtherBytes;
    for (const PlannedComponent& component : plan_.components) {
      if (!journal_.components.contains(component.name)) {
        needed += static_cast<uint64_t>(component.data_bytes);
      }
    }
    std::error_code problem;
    for (const fs::path& file : checkpoint_.side_files()) {
      const uintmax_t size = fs::file_size(file, problem);
      if (!problem) needed += size;
    }
    const fs::space_info space = fs::space(staging_.dir(), problem);
    if (problem || space.available >= needed) return {};
    return io_error(options_.output.string(),
                    "needs " + std::to_string(needed >> 20) + " MiB, the disk has " +
                        std::to_string(space.available >> 20) + " MiB left",
                    "free some space, or choose another output");
  }

  void describe() {
    package::Manifest& manifest = summary_.manifest;
    manifest.lapidary_version = kVersion;
    manifest.recipe_name = recipe_.name;
    manifest.recipe = recipe_.json;
    manifest.source = options_.checkpoint.string();
    manifest.sources = {{"checkpoint", plan_.source_hash}};
    manifest.text = package::text_model(checkpoint_.config);
    manifest.vision = package::vision_model(checkpoint_.config);
    manifest.audio = package::audio_model(checkpoint_.config);
    for (const PlannedComponent& component : plan_.components) {
      manifest.components.push_back(component.record);
    }
  }

  Status make(const PlannedComponent& component) {
    const bool resumed = journal_.components.contains(component.name);
    if (!resumed) LAP_RETURN_IF_ERROR(save(component));
    const FinishedComponent& finished = journal_.components.at(component.name);
    ComponentSummary out{component.name, static_cast<int64_t>(component.graph.nodes.size()), 0,
                         resumed, component.passes};
    for (const package::FileRecord& file : finished.files) {
      out.bytes += file.size;
      summary_.manifest.files.push_back(file);
    }
    summary_.components.push_back(std::move(out));
    return {};
  }

  Status save(const PlannedComponent& component) {
    const fs::path dir = staging_.dir() / component.name;
    std::error_code problem;
    fs::create_directories(dir, problem);
    if (problem) return system_error(dir, problem.value());
    progress_.stage(component.name, static_cast<uint64_t>(component.data_bytes));
    LAP_ASSIGN_OR_RETURN(
        const graph::SavedModel saved,
        graph::save(
            component.graph, staging_.dir() / component.record.file,
            {.threads = options_.threads, .progress = &progress_, .cancel = options_.cancel}));
    progress_.stage(component.name + " checksums", static_cast<uint64_t>(component.data_bytes));
    FinishedComponent finished{component.key, {}};
    for (const fs::path& file : saved.files) {
      LAP_ASSIGN_OR_RETURN(
          package::FileRecord record,
          package::file_record(staging_.dir(), file.lexically_relative(staging_.dir()).string(),
                               &progress_, options_.cancel));
      finished.files.push_back(std::move(record));
    }
    journal_.components[component.name] = std::move(finished);
    return journal_.write(staging_.dir());
  }

  Status finish() {
    package::Manifest& manifest = summary_.manifest;
    LAP_ASSIGN_OR_RETURN(const auto names,
                         package::write_side_files(checkpoint_, manifest, staging_.dir()));
    for (const std::string& name : names) {
      LAP_ASSIGN_OR_RETURN(package::FileRecord record, package::file_record(staging_.dir(), name));
      manifest.files.push_back(std::move(record));
    }
    for (const package::FileRecord& file : manifest.files) summary_.bytes += file.size;
    LAP_RETURN_IF_ERROR(write_file(staging_.dir() / package::kManifestFile,
                                   package::to_json(manifest).dump(1) + "\n"));
    std::error_code ignored;
    fs::remove(staging_.dir() / kJournalFile, ignored);
    return staging_.publish();
  }

  const Recipe& recipe_;
  const BuildOptions& options_;
  const checkpoint::Checkpoint& checkpoint_;
  const Plan& plan_;
  Staging& staging_;
  NullProgress null_progress_;
  ProgressSink& progress_;
  Journal journal_;  // what is finished
  BuildSummary summary_;
};

}  // namespace

Result<BuildSummary> build_package(const Recipe& recipe, const BuildOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  LAP_RETURN_IF_ERROR(check_output(options.output, options.force));
  LAP_ASSIGN_OR_RETURN(const auto checkpoint, checkpoint::Checkpoint::open(options.checkpoint));
  LAP_RETURN_IF_ERROR(check_text_files(checkpoint));
  LAP_ASSIGN_OR_RETURN(const Plan plan, make_plan(recipe, checkpoint));
  LAP_ASSIGN_OR_RETURN(Staging staging, Staging::open(options.output, {.force = options.force}));
  Build build(recipe, options, checkpoint, plan, staging);
  Result<BuildSummary> summary = build.run();
  if (!summary.ok()) {
    const bool resumable =
        summary.error().kind == ErrorKind::kCancelled && build.has_finished_components();
    if (!resumable) staging.discard();
    return summary.take_error();
  }
  summary->read_bytes = static_cast<uint64_t>(checkpoint.weights.total_bytes());
  summary->seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return summary;
}

}  // namespace lapidary::recipe
