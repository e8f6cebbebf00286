#include "build/build.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/peak_memory.h"
#include "base/stopwatch.h"
#include "base/version.h"
#include "build/calibrate_component.h"
#include "build/calibration_data.h"
#include "build/journal.h"
#include "build/plan_comparison.h"
#include "build/plan_findings.h"
#include "build/probe_component.h"
#include "build/recovered_grids.h"
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

// The last part of a path, which says what was packaged; the others say whose machine it was.
std::string folder_name(const fs::path& path) { return absolute_path(path).filename().string(); }

// Of the component's folder, everything that is not among its files: begun after it was finished,
// with options that the build which goes on need not have.
Status remove_unfinished(const fs::path& staging, const std::string& component,
                         const FinishedComponent& finished) {
  std::set<fs::path> kept;  // what leads to a file of it
  for (const package::FileRecord& file : finished.files) {
    kept.insert(*fs::path(file.path).lexically_relative(component).begin());
  }
  std::vector<fs::path> others;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(staging / component, problem)) {
    if (!kept.contains(entry.path().filename())) others.push_back(entry.path());
  }
  for (const fs::path& path : others) {
    fs::remove_all(path, problem);
    if (problem) return system_error(path, problem.value());
  }
  return {};
}

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
    former_unread_ = !Journal::read(staging_.dir()).components.empty();
    LAP_RETURN_IF_ERROR(add_calibration_to_keys());
    LAP_RETURN_IF_ERROR(keep_finished());
    former_unread_ = false;
    LAP_RETURN_IF_ERROR(check_space());
    describe();
    for (PlannedComponent& component : plan_.components) LAP_RETURN_IF_ERROR(make(component));
    if (recipe_.compile) LAP_RETURN_IF_ERROR(compile(*recipe_.compile));
    LAP_RETURN_IF_ERROR(finish());
    return std::move(summary_);
  }

  // Whether a later build can use anything of this one.
  bool has_finished_components() const { return former_unread_ || !journal_.components.empty(); }

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

  // What an interrupted build left; nothing of it when a tensor that it read has other bytes now,
  // which the keys need not notice.
  Journal former_journal() {
    Journal former = Journal::read(staging_.dir());
    const auto fits = [&former](const PlannedComponent& component) {
      const auto it = former.components.find(component.name);
      return it != former.components.end() && it->second.key == component.key;
    };
    if (std::none_of(plan_.components.begin(), plan_.components.end(), fits)) return {};
    std::vector<std::string> names;
    names.reserve(former.sources.size());
    for (const auto& [name, unused] : former.sources) names.push_back(name);
    const auto now = checkpoint_.stored.tensor_hashes(names, options_.work);
    if (!now.ok() || *now != former.sources) return {};
    journal_.sources = former.sources;
    return former;
  }

  // Keeps what an earlier, interrupted build of the same thing finished; empties the rest.
  Status keep_finished() {
    const Journal former = former_journal();
    for (const PlannedComponent& component : plan_.components) {
      const auto it = former.components.find(component.name);
      if (it == former.components.end() || it->second.key != component.key) continue;
      if (!is_intact(it->second)) continue;
      journal_.components[component.name] = it->second;
      options_.work.note(fmt::format("resuming: {} is finished already", component.name));
    }
    if (options_.work.is_cancelled()) return cancelled();
    std::set<std::string> kept;
    for (const auto& [name, component] : journal_.components) {
      for (const package::FileRecord& file : component.files) kept.insert(file.path);
    }
    // What is removed and still in the journal, when this is killed, counts as not finished.
    LAP_RETURN_IF_ERROR(staging_.keep_only(kept));
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
    for (const std::string& name : checkpoint_.side_files()) needed += checkpoint_.files.size(name);
    std::error_code problem;
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
    manifest.source = folder_name(options_.checkpoint);
    for (const checkpoint::Adapter& adapter : checkpoint_.adapters) {
      manifest.adapters.push_back({adapter.name(), adapter.source.weight, adapter.content_hash});
    }
    manifest.notes = checkpoint_.notes;
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
    const auto finished = journal_.components.find(component.name);
    if (finished != journal_.components.end()) return resume(component, finished->second);
    if (component.calibrated) return make_calibrated(component);
    LAP_ASSIGN_OR_RETURN(FinishedComponent made, save(component, nullptr));
    add(component, made, false);
    return note_finished(component.name, std::move(made));
  }

  Status resume(PlannedComponent& component, const FinishedComponent& finished) {
    LAP_RETURN_IF_ERROR(remove_unfinished(staging_.dir(), component.name, finished));
    if (component.calibrated) {
      LAP_ASSIGN_OR_RETURN(component, with_former_ranges(std::move(component)));
    }
    add(component, finished, true);
    return {};
  }

  Status make_calibrated(PlannedComponent& component) {
    LAP_ASSIGN_OR_RETURN(CalibratedComponent calibrated,
                         calibrate_component(std::move(component), calibration_sources(), saved()));
    LAP_ASSIGN_OR_RETURN(FinishedComponent made, save(calibrated.component, &calibrated.ranges));
    made.calibration = calibrated.record;
    add(calibrated.component, made, false);
    if (calibrated.record) {
      // What that made of its numbers. It is finished when this is known as well.
      LAP_ASSIGN_OR_RETURN(made.agreement,
                           agreement_of(calibrated, calibration_sources(), saved()));
      summary_.manifest.agreement.push_back(*made.agreement);
    }
    component = std::move(calibrated.component);
    return note_finished(component.name, std::move(made));
  }

  // To what the package has.
  void add(const PlannedComponent& component, const FinishedComponent& finished, bool resumed) {
    package::Manifest& manifest = summary_.manifest;
    if (finished.calibration) manifest.calibration.push_back(*finished.calibration);
    if (finished.agreement) manifest.agreement.push_back(*finished.agreement);
    ComponentSummary out{component.name, component.nodes(), 0, resumed, component.passes};
    for (const package::FileRecord& file : finished.files) {
      out.bytes += file.size;
      manifest.files.push_back(file);
    }
    summary_.components.push_back(std::move(out));
    for (const PlannedGraph& each : component.graphs) manifest.components.push_back(each.record);
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
  Result<FinishedComponent> save(const PlannedComponent& component, const quant::Ranges* ranges) {
    FinishedComponent finished{component.key, {}};
    LAP_ASSIGN_OR_RETURN(finished.files, save_component(component, staging_.dir(), options_.work));
    if (ranges != nullptr) {
      const std::string file = calibration_file(component);
      LAP_RETURN_IF_ERROR(write_file(staging_.dir() / file, ranges->to_json().dump(1) + "\n"));
      LAP_ASSIGN_OR_RETURN(auto records, record_files({file}, staging_.dir(), {}));
      finished.files.push_back(std::move(records[0]));
    }
    return finished;
  }

  // From here on the next build can go on.
  Status note_finished(const std::string& component, FinishedComponent finished) {
    std::vector<std::string> read = checkpoint_.stored.names_read();
    std::erase_if(read, [this](const auto& name) { return journal_.sources.contains(name); });
    LAP_ASSIGN_OR_RETURN(auto hashes, checkpoint_.stored.tensor_hashes(read, options_.work));
    journal_.sources.merge(std::move(hashes));
    journal_.components[component] = std::move(finished);
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
    LAP_RETURN_IF_ERROR(write_file(staging_.dir() / file, report.verdicts_json().dump(1) + "\n"));
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
    LAP_ASSIGN_OR_RETURN(manifest.sources["checkpoint"],
                         checkpoint_.content_hash(options_.work.silent()));
    for (const package::FileRecord& file : manifest.files) summary_.bytes += file.size;
    summary_.peak_resident_bytes = peak_resident_bytes();
    LAP_RETURN_IF_ERROR(write_file(staging_.dir() / package::kManifestFile,
                                   package::to_json(manifest).dump(1) + "\n"));
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
  // An earlier build left components, and this one has not looked yet which of them it can use.
  bool former_unread_ = false;
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
  const Stopwatch watch;
  LAP_RETURN_IF_ERROR(check_output(options.output, options.force));
  LAP_ASSIGN_OR_RETURN(
      auto checkpoint,
      checkpoint::Checkpoint::open(options.checkpoint, {.adapters = options.adapters,
                                                        .chat_template = options.chat_template}));
  LAP_RETURN_IF_ERROR(checkpoint.settle_head(options.work));
  const std::vector<RecoveredGrid> grids = recover_grids(checkpoint, options.require_grid);
  LAP_ASSIGN_OR_RETURN(const auto text_notes, check_text_files(checkpoint));
  checkpoint.notes.insert(checkpoint.notes.end(), text_notes.begin(), text_notes.end());
  LAP_ASSIGN_OR_RETURN(const auto chip, chip_of(recipe, options.htp));
  LAP_ASSIGN_OR_RETURN(Plan plan, make_plan(recipe, checkpoint, chip));
  if (options.require_grid) {
    LAP_RETURN_IF_ERROR(require_kept_grids(plan, options.checkpoint.string()));
  }
  LAP_RETURN_IF_ERROR(check_compile(recipe, plan, chip, options.htp));
  LAP_ASSIGN_OR_RETURN(auto data, calibration_data(recipe, plan, checkpoint, options));
  LAP_ASSIGN_OR_RETURN(PlanReport report, plan_report(recipe, checkpoint, plan, {.chip = chip}));
  for (const std::string& note : checkpoint.notes) options.work.note("note: " + note);
  for (const std::string& line : warnings(report)) options.work.note(line);
  LAP_ASSIGN_OR_RETURN(Staging staging, Staging::open(options.output, {.force = options.force,
                                                                       .work = options.work}));
  Build build(recipe, options, checkpoint, std::move(plan), std::move(data), staging);
  Result<BuildSummary> summary = build.run(std::move(report));
  if (!summary.ok()) {
    const bool resumable =
        summary.error().kind == ErrorKind::kCancelled && build.has_finished_components();
    if (!resumable) staging.discard();
    return summary.take_error();
  }
  for (const std::string& line : share_lines(grids)) options.work.note(line);
  summary->read_bytes = static_cast<uint64_t>(checkpoint.stored.total_bytes());
  summary->seconds = watch.seconds();
  return summary;
}

}  // namespace lapidary::build
