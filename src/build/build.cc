#include "build/build.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/peak_memory.h"
#include "base/version.h"
#include "build/calibrate_component.h"
#include "build/calibration_data.h"
#include "build/journal.h"
#include "build/plan_comparison.h"
#include "build/plan_findings.h"
#include "build/probe_component.h"
#include "build/save_component.h"
#include "build/staging.h"
#include "build/text_check.h"
#include "checkpoint/checkpoint.h"
#include "contract/component.h"
#include "package/package.h"
#include "package/side_files.h"
#include "package/text_model.h"
#include "quant/ranges.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;

// Model files without weights, and the manifest: a generous allowance beside the weights.
constexpr uint64_t kOtherBytes = 16 << 20;

class Build {
 public:
  // Without `data` nothing is calibrated.
  Build(const recipe::Recipe& recipe, const BuildOptions& options,
        const checkpoint::Checkpoint& checkpoint, Plan plan, std::optional<CalibrationData> data,
        Staging& staging)
      : recipe_(recipe),
        options_(options),
        checkpoint_(checkpoint),
        plan_(std::move(plan)),
        data_(std::move(data)),
        staging_(staging) {}

  Result<BuildSummary> run(PlanReport report) {
    summary_.plan = std::move(report);
    LAP_RETURN_IF_ERROR(add_calibration_to_keys());
    LAP_RETURN_IF_ERROR(keep_finished());
    LAP_RETURN_IF_ERROR(check_space());
    describe();
    for (PlannedComponent& component : plan_.components) LAP_RETURN_IF_ERROR(make(component));
    if (recipe_.compile) LAP_RETURN_IF_ERROR(compile(*recipe_.compile));
    LAP_RETURN_IF_ERROR(finish());
    return std::move(summary_);
  }

  // Whether a later build can use anything of this one.
  bool has_finished_components() const { return !journal_.components.empty(); }

 private:
  Status add_calibration_to_keys() {
    for (PlannedComponent& component : plan_.components) {
      if (!component.calibrated) continue;
      LAP_ASSIGN_OR_RETURN(const std::string key, data_->key(options_.work.cancel));
      component.key += "-" + key;
    }
    return {};
  }

  bool is_intact(const FinishedComponent& finished) const {
    for (const package::FileRecord& file : finished.files) {
      const auto found = package::file_record(staging_.dir(), file.path, options_.work.silent());
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
      options_.work.note(fmt::format("resuming: {} is finished already", component.name));
    }
    if (options_.work.is_cancelled()) return cancelled();
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(staging_.dir(), problem)) {
      const std::string name = entry.path().filename().string();
      if (name == kJournalFile || journal_.components.contains(name)) continue;
      fs::remove_all(entry.path(), problem);
    }
    return journal_.write(staging_.dir());
  }

  // Of the context binaries, which hold the weights once more, or twice.
  uint64_t context_bytes() const {
    uint64_t out = 0;
    if (!recipe_.compile) return out;
    for (const PlannedComponent& component : plan_.components) {
      if (!recipe_.compile->compiles(component.name)) continue;
      out += static_cast<uint64_t>(component.data_bytes()) * (recipe_.compile->emulation ? 2 : 1);
    }
    return out;
  }

  Status check_space() const {
    uint64_t needed = kOtherBytes + context_bytes();
    for (const PlannedComponent& component : plan_.components) {
      if (!journal_.components.contains(component.name)) {
        needed += static_cast<uint64_t>(component.data_bytes());
      }
    }
    std::error_code problem;
    for (const fs::path& file : checkpoint_.side_files()) {
      const uintmax_t size = fs::file_size(file, problem);
      if (!problem) needed += size;
    }
    const fs::space_info space = fs::space(staging_.dir(), problem);
    if (problem || space.available >= needed) return {};
    return io_error(
        options_.output.string(),
        fmt::format("needs {} MiB, the disk has {} MiB left", needed >> 20, space.available >> 20),
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
  }

  CalibrationSources calibration_sources() const {
    return {recipe_, checkpoint_, plan_.traits, *data_, options_.work};
  }

  // What stands in the folder by now.
  package::Package saved() const { return {staging_.dir(), summary_.manifest}; }

  // The component with the ranges of the build that this one goes on from.
  Result<PlannedComponent> with_former_ranges(PlannedComponent component) const {
    const fs::path file = staging_.dir() / calibration_file(component);
    LAP_ASSIGN_OR_RETURN(const Json json, load_json(file));
    LAP_ASSIGN_OR_RETURN(const quant::Ranges ranges, quant::Ranges::from_json(json, file.string()));
    // The weights are written already; how they were rounded is no matter any more.
    return with_ranges(std::move(component), recipe_,
                       {.calibrate =
                            [&ranges](const passes::CalibrationRequest& /*request*/) {
                              return Result<quant::Ranges>(ranges);
                            },
                        .moments = no_moments,
                        .traits = plan_.traits});
  }

  static std::string calibration_file(const PlannedComponent& component) {
    return component.name + "/calibration.json";
  }

  Status make(PlannedComponent& component) {
    const bool resumed = journal_.components.contains(component.name);
    if (resumed) {
      if (component.calibrated) {
        LAP_ASSIGN_OR_RETURN(component, with_former_ranges(std::move(component)));
      }
      add(component, resumed);
      return {};
    }
    if (component.calibrated) return make_calibrated(component);
    LAP_RETURN_IF_ERROR(save(component, nullptr));
    add(component, resumed);
    return {};
  }

  Status make_calibrated(PlannedComponent& component) {
    LAP_ASSIGN_OR_RETURN(CalibratedComponent calibrated,
                         calibrate_component(std::move(component), calibration_sources(), saved()));
    LAP_RETURN_IF_ERROR(save(calibrated.component, &calibrated.ranges));
    add(calibrated.component, false);
    if (calibrated.record) {
      // What it was calibrated with, and what that made of its numbers.
      summary_.manifest.calibration.push_back(*calibrated.record);
      LAP_ASSIGN_OR_RETURN(package::Agreement agreement,
                           agreement_of(calibrated, calibration_sources(), saved()));
      summary_.manifest.agreement.push_back(std::move(agreement));
    }
    component = std::move(calibrated.component);
    return {};
  }

  // To what the package has.
  void add(const PlannedComponent& component, bool resumed) {
    ComponentSummary out{component.name, component.nodes(), 0, resumed, component.passes};
    for (const package::FileRecord& file : journal_.components.at(component.name).files) {
      out.bytes += file.size;
      summary_.manifest.files.push_back(file);
    }
    summary_.components.push_back(std::move(out));
    for (const PlannedGraph& each : component.graphs) {
      summary_.manifest.components.push_back(each.record);
    }
    note_lengths(component);
  }

  void note_lengths(const PlannedComponent& component) {
    package::Manifest& manifest = summary_.manifest;
    if (component.fixed_model) manifest.fixed_model = component.fixed_model;
    if (!component.fixed_encoder) return;
    if (contract::is(component.name, contract::Component::kVisionEncoder)) {
      manifest.vision->fixed_encoder = component.fixed_encoder;
    } else {
      manifest.audio->fixed_encoder = component.fixed_encoder;
    }
  }

  // `ranges`: of a calibrated component.
  Status save(const PlannedComponent& component, const quant::Ranges* ranges) {
    FinishedComponent finished{component.key, {}};
    LAP_ASSIGN_OR_RETURN(finished.files, save_component(component, staging_.dir(), options_.work));
    if (ranges != nullptr) {
      const std::string file = calibration_file(component);
      LAP_RETURN_IF_ERROR(write_file(staging_.dir() / file, ranges->to_json().dump(1) + "\n"));
      LAP_ASSIGN_OR_RETURN(auto records, record_files({file}, staging_.dir(), {}));
      finished.files.push_back(std::move(records[0]));
    }
    journal_.components[component.name] = std::move(finished);
    return journal_.write(staging_.dir());
  }

  Status compile(const recipe::CompileStep& step) {
    package::Manifest& manifest = summary_.manifest;
    LAP_ASSIGN_OR_RETURN(const target::Target chip, chip_of(step, options_.htp));
    LAP_ASSIGN_OR_RETURN(manifest.htp, htp_model(chip, options_.htp));
    for (const PlannedComponent& component : plan_.components) {
      if (!step.compiles(component.name)) continue;
      if (options_.htp.probe) LAP_RETURN_IF_ERROR(probe(component, chip));
      LAP_RETURN_IF_ERROR(compile(step, component, chip));
    }
    return {};
  }

  Status probe(const PlannedComponent& component, const target::Target& chip) {
    LAP_ASSIGN_OR_RETURN(const auto report, probe_component(component, chip, options_.htp,
                                                            staging_.dir(), options_.work));
    const std::string file = component.name + "/probe.json";
    LAP_RETURN_IF_ERROR(write_file(staging_.dir() / file, report.to_json().dump(1) + "\n"));
    return record({file});
  }

  Status compile(const recipe::CompileStep& step, const PlannedComponent& component,
                 const target::Target& chip) {
    std::vector<const package::GraphRecord*> records;
    for (const PlannedGraph& each : component.graphs) records.push_back(&each.record);
    LAP_ASSIGN_OR_RETURN(
        CompiledComponent compiled,
        compile_component(step, records, chip, options_.htp, staging_.dir(), options_.work));
    const auto add = [](auto& all, auto& more) { all.insert(all.end(), more.begin(), more.end()); };
    add(summary_.manifest.htp->device, compiled.device);
    add(summary_.manifest.htp->emulated, compiled.emulated);
    add(summary_.contexts, compiled.parts);
    return record(compiled.files);
  }

  // Files of the package that were written without a component.
  Status record(const std::vector<std::string>& names) {
    LAP_ASSIGN_OR_RETURN(auto files, record_files(names, staging_.dir(), options_.work.silent()));
    auto& all = summary_.manifest.files;
    all.insert(all.end(), files.begin(), files.end());
    return {};
  }

  // What was expected.
  Status write_plan() {
    // What was measured stays out: equal builds make equal packages.
    const std::string json = to_json(summary_.plan).dump(1) + "\n";
    LAP_RETURN_IF_ERROR(write_file(staging_.dir() / kPlanFile, json));
    return record({kPlanFile});
  }

  Status finish() {
    package::Manifest& manifest = summary_.manifest;
    LAP_ASSIGN_OR_RETURN(const auto names,
                         package::write_side_files(checkpoint_, manifest, staging_.dir()));
    LAP_RETURN_IF_ERROR(record(names));
    LAP_RETURN_IF_ERROR(write_plan());
    for (const package::FileRecord& file : manifest.files) summary_.bytes += file.size;
    summary_.peak_resident_bytes = peak_resident_bytes();
    LAP_RETURN_IF_ERROR(write_file(staging_.dir() / package::kManifestFile,
                                   package::to_json(manifest).dump(1) + "\n"));
    std::error_code ignored;
    fs::remove(staging_.dir() / kJournalFile, ignored);
    return staging_.publish();
  }

  const recipe::Recipe& recipe_;
  const BuildOptions& options_;
  const checkpoint::Checkpoint& checkpoint_;
  Plan plan_;
  std::optional<CalibrationData> data_;
  Staging& staging_;
  BuildSummary summary_;
  Journal journal_;  // what is finished
};

// What can be wrong with the wish to compile is said before anything is written.
Status check_compile(const recipe::Recipe& recipe, const Plan& plan,
                     const std::optional<target::Target>& chip, const HtpOptions& options) {
  if (!chip) return {};
  LAP_RETURN_IF_ERROR(check_compiler(*recipe.compile, *chip, options));
  for (const PlannedComponent& component : plan.components) {
    if (!recipe.compile->compiles(component.name)) continue;
    for (const PlannedGraph& each : component.graphs) {
      for (const graph::ValueInfo& input : each.graph.inputs) {
        for (const graph::Dim& dim : input.shape) {
          if (const auto* symbol = std::get_if<std::string>(&dim)) {
            return bad_input(
                fmt::format("{}: {}", recipe.where, recipe.compile->name),
                fmt::format("input '{}' of {} has a dim '{}', and the HTP takes fixed shapes",
                            input.name, each.record.file, *symbol),
                "add StaticLLM for the decoder, or name other components");
          }
        }
      }
    }
  }
  return {};
}

// What to calibrate with; nothing when nothing is calibrated. Read, and held against what is
// calibrated, before anything is written.
Result<std::optional<CalibrationData>> calibration_data(const recipe::Recipe& recipe,
                                                        const Plan& plan,
                                                        const checkpoint::Checkpoint& checkpoint,
                                                        const BuildOptions& options) {
  std::vector<std::string> components;
  for (const PlannedComponent& each : plan.components) {
    if (each.calibrated) components.push_back(each.name);
  }
  if (!components.empty()) {
    LAP_ASSIGN_OR_RETURN(CalibrationData data,
                         CalibrationData::load(recipe, checkpoint, options.calibration));
    LAP_RETURN_IF_ERROR(data.check_for(components));
    return std::optional(std::move(data));
  }
  if (options.calibration.empty()) return std::optional<CalibrationData>();
  return bad_input("--calibration", fmt::format("no pass of {} calibrates", recipe.where),
                   "leave it out, or choose a recipe with OnnxStaticQuantization");
}

}  // namespace

Result<BuildSummary> build_package(const recipe::Recipe& recipe, const BuildOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  LAP_RETURN_IF_ERROR(check_output(options.output, options.force));
  LAP_ASSIGN_OR_RETURN(const auto checkpoint, checkpoint::Checkpoint::open(options.checkpoint));
  LAP_RETURN_IF_ERROR(check_text_files(checkpoint));
  LAP_ASSIGN_OR_RETURN(const auto chip, chip_of(recipe, options.htp));
  LAP_ASSIGN_OR_RETURN(Plan plan, make_plan(recipe, checkpoint, chip));
  LAP_RETURN_IF_ERROR(check_compile(recipe, plan, chip, options.htp));
  LAP_ASSIGN_OR_RETURN(auto data, calibration_data(recipe, plan, checkpoint, options));
  LAP_ASSIGN_OR_RETURN(PlanReport report, plan_report(recipe, checkpoint, plan, {.chip = chip}));
  for (const std::string& line : warnings(report)) options.work.note(line);
  LAP_ASSIGN_OR_RETURN(Staging staging, Staging::open(options.output, {.force = options.force}));
  Build build(recipe, options, checkpoint, std::move(plan), std::move(data), staging);
  Result<BuildSummary> summary = build.run(std::move(report));
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

}  // namespace lapidary::build
