// lapidary plan CHECKPOINT --recipe NAME_OR_FILE [--arch A]: what a build would cost.
#include <memory>

#include "build/compile_component.h"
#include "build/plan_report.h"
#include "build/recovered_grids.h"
#include "checkpoint/checkpoint.h"
#include "cli/adapter_flags.h"
#include "cli/commands.h"
#include "cli/htp_flags.h"
#include "cli/terminal.h"
#include "report/plan_text.h"

namespace lapidary::cli {
namespace {

struct PlanFlags {
  std::string checkpoint;
  std::string recipe = "cpu-int4";
  std::vector<std::string> set;
  AdapterFlags adapters;
  int64_t context = 0;
  ChipFlags chip;
  bool json = false;
};

Result<std::string> plan(const PlanFlags& flags) {
  LAP_ASSIGN_OR_RETURN(const recipe::Recipe recipe, recipe::load_recipe(flags.recipe, flags.set));
  build::HtpOptions htp;
  LAP_ASSIGN_OR_RETURN(htp.chip, flags.chip.resolve());
  build::PlanOptions options{.context_length = flags.context};
  LAP_ASSIGN_OR_RETURN(options.chip, build::chip_of(recipe, htp));
  const std::string path =
      flags.checkpoint.empty() ? recipe.model_path.value_or("") : flags.checkpoint;
  if (path.empty()) return bad_input("", "no checkpoint is given", "lapidary plan CHECKPOINT");
  checkpoint::OpenOptions opening;
  LAP_ASSIGN_OR_RETURN(opening.adapters, flags.adapters.resolve());
  LAP_ASSIGN_OR_RETURN(auto checkpoint, checkpoint::Checkpoint::open(path, opening));
  build::recover_grids(checkpoint, false);
  LAP_ASSIGN_OR_RETURN(const build::Plan plan, build::make_plan(recipe, checkpoint, options.chip));
  LAP_ASSIGN_OR_RETURN(const build::PlanReport report,
                       build::plan_report(recipe, checkpoint, plan, options));
  if (flags.json) {
    Json json = build::to_json(report);
    json["notes"] = checkpoint.notes;
    return json.dump(2) + "\n";
  }
  return report::plan_text(report) + report::notes_text(checkpoint.notes);
}

}  // namespace

void add_plan_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<PlanFlags>();
  Command command =
      program.add_command("plan", "Say what a build would take and make, without building");
  command.add_option("CHECKPOINT", flags->checkpoint,
                     "Folder with config.json and model.safetensors (default: the recipe's "
                     "input_model.model_path)");
  command.add_option("-r,--recipe", flags->recipe, "A built-in recipe or a recipe file")
      .show_default();
  command
      .add_option("--set", flags->set,
                  "PASS.OPTION=VALUE: change an option of the recipe (repeatable)")
      .repeatable();
  flags->adapters.add_to(command);
  command
      .add_option("--context", flags->context,
                  "Positions to count keys and values for (default: 4096, or the recipe's)")
      .positive();
  flags->chip.add_to(command);
  command.add_flag("--json", flags->json, "Print one JSON object");
  command.on_run([flags, &exit_code] { exit_code = print_or_report(plan(*flags)); });
}

}  // namespace lapidary::cli
