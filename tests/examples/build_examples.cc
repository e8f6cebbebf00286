// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "base/files.h"
#include "build/build.h"
#include "build/calibrate_component.h"
#include "build/calibration_data.h"
#include "build/components.h"
#include "build/conversion_output.h"
#include "build/convert_file.h"
#include "build/export_package.h"
#include "build/output_lock.h"
#include "build/owned_files.h"
#include "build/plan_comparison.h"
#include "build/plan_report.h"
#include "build/recovered_grids.h"
#include "build/staging.h"
#include "example.h"

namespace lapidary::build {

Status convert_file_example() {
  // [build/convert_file.h]
  LAP_ASSIGN_OR_RETURN(auto steps,
                       bind_steps({"BlockQuantToLpbq"}, {"nodes_to_exclude=[\"a*\"]"}));
  LAP_ASSIGN_OR_RETURN(Conversion done, convert_file("in.onnx", "out.onnx", steps, {}));
  // [end]
  return {};
}

Status conversion_output_example(const graph::Graph& graph, const Work& work) {
  // [build/conversion_output.h]
  LAP_ASSIGN_OR_RETURN(ConversionOutput place, ConversionOutput::open("out.onnx"));
  LAP_ASSIGN_OR_RETURN(const graph::SavedModel saved, graph::save(graph, place.model(), work));
  LAP_ASSIGN_OR_RETURN(const auto files, place.publish(graph, saved, work));
  // [end]
  use(files);
  return {};
}

Status output_lock_example() {
  // [build/output_lock.h]
  const Error busy = bad_input("out/tiny-int4", "another build is writing this package");
  LAP_ASSIGN_OR_RETURN(OutputLock lock, OutputLock::take("out/tiny-int4", busy));
  // [end]
  return {};
}

Status owned_files_example(const package::Manifest& manifest) {
  // [build/owned_files.h]
  const IsOurs ours = files_of_package(manifest);
  LAP_ASSIGN_OR_RETURN(const std::string foreign, first_foreign("out/tiny-int4", ours));
  if (foreign.empty()) LAP_RETURN_IF_ERROR(remove_folder("out/tiny-int4", ours));
  // [end]
  return {};
}

Status build_example() {
  // [build/build.h]
  LAP_ASSIGN_OR_RETURN(recipe::Recipe recipe, recipe::load_recipe("cpu-int4"));
  LAP_ASSIGN_OR_RETURN(BuildSummary summary,
                       build_package(recipe, {.checkpoint = "ckpt", .output = "tiny-int4"}));
  // [end]
  return {};
}

Status calibrate_component_example(const recipe::Recipe& recipe, const checkpoint::Checkpoint& checkpoint,
                                   const target::QuantizationTraits& traits, const CalibrationData& data,
                                   const PlannedComponent& planned, const package::Package& saved,
                                   const package::Package& with_decoder) {
  const auto save = [](const PlannedComponent&, const quant::Ranges&) {};
  // [build/calibrate_component.h]
  LAP_ASSIGN_OR_RETURN(CalibratedComponent decoder,
                       calibrate_component(planned, {recipe, checkpoint, traits, data}, saved));
  save(decoder.component, decoder.ranges);  // both are shipped in the package
  LAP_ASSIGN_OR_RETURN(package::Agreement agreement,
                       agreement_of(decoder, {recipe, checkpoint, traits, data}, with_decoder));
  // [end]
  use(agreement);
  return {};
}

Status calibration_data_example(const recipe::Recipe& recipe, const checkpoint::Checkpoint& checkpoint) {
  // [build/calibration_data.h]
  LAP_ASSIGN_OR_RETURN(auto data, CalibrationData::load(recipe, checkpoint, {"chats.jsonl"}));
  const std::vector<std::string> components = {"vision_encoder", "decoder"};
  LAP_RETURN_IF_ERROR(data.check_for(components));
  LAP_ASSIGN_OR_RETURN(auto sequences, data.sequences("wikitext"));
  // [end]
  return {};
}

Status components_example(const checkpoint::Config& config, const checkpoint::Weights& weights,
                          std::map<contract::Component, graph::Graph>& graphs) {
  // [build/components.h]
  for (const ComponentBuilder& each : component_builders()) {
    if (!each.is_part_of(config)) continue;
    LAP_ASSIGN_OR_RETURN(graphs[each.component], each.build(config, weights));
  }
  // [end]
  return {};
}

Status export_package_example() {
  // [build/export_package.h]
  LAP_ASSIGN_OR_RETURN(const ExportSummary made,
                       export_package("built", "slim", {.device = engine::Device::kHtp}));
  // [end]
  use(made);
  return {};
}

double plan_comparison_example(const PlanReport& report, const BuildSummary& summary) {
  // [build/plan_comparison.h]
  const std::vector<Compared> rows = compare(report, summary);
  const double off = rows[0].off();  // 0.02: measured 2 % more than planned
  // [end]
  return off;
}

Status plan_report_example(const recipe::Recipe& recipe, const checkpoint::Checkpoint& checkpoint,
                           const target::Target& chip) {
  // [build/plan_report.h]
  LAP_ASSIGN_OR_RETURN(const Plan plan, make_plan(recipe, checkpoint, chip));
  LAP_ASSIGN_OR_RETURN(const PlanReport report,
                       plan_report(recipe, checkpoint, plan, {.chip = chip}));
  const int64_t memory = report.contexts[0].compile_bytes;  // most that the compiler needs
  // [end]
  use(memory);
  return {};
}

Status staging_example(const std::string& text) {
  // [build/staging.h]
  LAP_ASSIGN_OR_RETURN(Staging staging, Staging::open("out/tiny-int4", {.force = false}));
  LAP_RETURN_IF_ERROR(write_file(staging.dir() / "lapidary.json", text));
  LAP_RETURN_IF_ERROR(staging.publish());  // or staging.discard()
  // [end]
  return {};
}

Status recovered_grids_example(const recipe::Recipe& recipe, checkpoint::Checkpoint& checkpoint,
                               const std::optional<target::Target>& chip, const Work& work) {
  // [build/recovered_grids.h]
  std::vector<RecoveredGrid> grids = recover_grids(checkpoint, false);
  LAP_ASSIGN_OR_RETURN(Plan plan, make_plan(recipe, checkpoint, chip));  // and save
  for (const std::string& line : share_lines(grids)) work.note(line);
  // [end]
  return require_kept_grids(plan, "models/tiny-gemma4/checkpoint");
}

}  // namespace lapidary::build
