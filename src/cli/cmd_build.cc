// lapidary build CHECKPOINT --recipe NAME_OR_FILE -o PACKAGE
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <set>

#include "base/json.h"
#include "base/peak_memory.h"
#include "base/text.h"
#include "build/build.h"
#include "build/plan_comparison.h"
#include "cli/adapter_flags.h"
#include "cli/commands.h"
#include "cli/htp_flags.h"
#include "cli/progress_display.h"
#include "cli/terminal.h"
#include "recipe/builtin_recipes.h"
#include "recipe/recipe.h"
#include "report/declined_text.h"
#include "report/plan_text.h"
#include "report/table.h"

namespace lapidary::cli {
namespace {

using build::BuildSummary;
using build::ComponentSummary;

struct BuildFlags {
  std::string checkpoint;
  std::string recipe = "cpu-int4";
  std::string output;
  int threads = 0;
  bool force = false;
  bool json = false;
  bool list_recipes = false;
  bool require_grid = false;
  std::vector<std::string> set;
  std::vector<std::string> calibration;
  AdapterFlags adapters;
  std::string chat_template;
  HtpFlags htp;
};

// "float32 10.2 MB, k-quant int4, block 32, asymmetric 1.1 MB": how many bytes are stored how.
std::string storage_of(const package::Manifest& manifest, const std::string& name) {
  std::map<std::string, uint64_t> bytes;
  for (const package::GraphRecord& component : manifest.components) {
    if (component.name != name) continue;
    for (const package::TensorRecord& tensor : component.tensors) {
      bytes[tensor.quantization.empty() ? tensor.dtype : tensor.quantization] +=
          static_cast<uint64_t>(tensor.bytes);
    }
  }
  std::vector<std::string> parts;
  parts.reserve(bytes.size());
  for (const auto& [how, count] : bytes) {
    parts.push_back(fmt::format("{}: {}", how, human_bytes(count)));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

// How many nodes of each operator, in all graphs of a component.
std::map<std::string, int64_t> ops_of(const package::Manifest& manifest, const std::string& name) {
  std::map<std::string, int64_t> out;
  for (const package::GraphRecord& component : manifest.components) {
    if (component.name != name) continue;
    for (const auto& [op, count] : component.ops) out[op] += count;
  }
  return out;
}

std::string declined_text(const BuildSummary& summary) {
  std::string out;
  for (const ComponentSummary& component : summary.components) {
    for (const build::PassReport& pass : component.passes) {
      out += report::declined_text(pass.declined, component.name + ", " + pass.name + ":");
    }
  }
  return out.empty() ? out : "left as they were:\n" + out;
}

// "kept the checkpoint's own codes: 12 of 14 weights (why not of the others)", pass by pass.
std::string grids_text(const BuildSummary& summary) {
  std::string out;
  for (const ComponentSummary& component : summary.components) {
    for (const build::PassReport& pass : component.passes) {
      const passes::GridUse& use = pass.grids;
      if (use.kept.empty() && use.rounded.empty()) continue;
      const std::string why =
          use.rounded.empty() ? "" : fmt::format(" ({})", use.rounded.begin()->second);
      out += fmt::format(
          "{}, {}: kept the checkpoint's own codes: {} of {}{}\n", component.name, pass.name,
          use.kept.size(),
          counted(static_cast<int64_t>(use.kept.size() + use.rounded.size()), "weight"), why);
    }
  }
  return out;
}

std::string contexts_text(const BuildSummary& summary) {
  if (summary.contexts.empty()) return "";
  report::Table table({"context", "bytes", "compiled in", "memory", "nodes on the HTP"});
  for (const build::CompiledPart& part : summary.contexts) {
    table.row({part.name, human_bytes(part.bytes),
               fmt::format("{:.1f} s{}", part.seconds, part.cached ? " (cached)" : ""),
               human_bytes(static_cast<uint64_t>(part.peak_bytes)),
               fmt::format("{} of {}", part.nodes - part.cpu_nodes, part.nodes)});
  }
  return table.text();
}

Json contexts_json(const BuildSummary& summary) {
  Json out = Json::array();
  for (const build::CompiledPart& part : summary.contexts) {
    out.push_back({{"name", part.name},
                   {"bytes", part.bytes},
                   {"seconds", part.seconds},
                   {"peak_resident_bytes", part.peak_bytes},
                   {"cached", part.cached},
                   {"nodes", part.nodes},
                   {"cpu_nodes", part.cpu_nodes}});
  }
  return out;
}

std::string summary_text(const BuildSummary& summary, const std::string& output) {
  report::Table table({"component", "nodes", "bytes", "weights"});
  for (const ComponentSummary& component : summary.components) {
    table.row({component.name + (component.resumed ? " (kept)" : ""),
               std::to_string(component.nodes), human_bytes(component.bytes),
               storage_of(summary.manifest, component.name)});
  }
  return table.text() + declined_text(summary) + grids_text(summary) + contexts_text(summary) +
         report::comparison_text(build::compare(summary.plan, summary)) +
         fmt::format("{}: {}, recipe {}, {:.1f} s\n", output, human_bytes(summary.bytes),
                     summary.manifest.recipe_name, summary.seconds);
}

Json summary_json(const BuildSummary& summary, const recipe::Recipe& recipe,
                  const std::string& output) {
  std::vector<std::string> notes = recipe.notes;
  notes.insert(notes.end(), summary.manifest.notes.begin(), summary.manifest.notes.end());
  Json components = Json::array();
  for (const ComponentSummary& component : summary.components) {
    Json passes = Json::array();
    for (const build::PassReport& pass : component.passes) {
      Json declined = Json::array();
      for (const passes::Declined& each : pass.declined) {
        declined.push_back({{"node", each.node}, {"reason", each.reason}});
      }
      passes.push_back({{"name", pass.name},
                        {"type", pass.type},
                        {"rewritten", pass.rewritten},
                        {"declined", std::move(declined)}});
      if (!pass.grids.kept.empty() || !pass.grids.rounded.empty()) {
        passes.back()["kept_codes"] = pass.grids.kept;
        passes.back()["rounded_grids"] = pass.grids.rounded;
      }
    }
    components.push_back({{"name", component.name},
                          {"bytes", component.bytes},
                          {"nodes", component.nodes},
                          {"ops", ops_of(summary.manifest, component.name)},
                          {"resumed", component.resumed},
                          {"passes", std::move(passes)}});
  }
  return {{"package", output},
          {"recipe", summary.manifest.recipe_name},
          {"bytes", summary.bytes},
          {"checkpoint_bytes", summary.read_bytes},
          {"seconds", summary.seconds},
          {"peak_resident_bytes", peak_resident_bytes()},
          {"plan", build::to_json(summary.plan)},
          {"compared", build::to_json(build::compare(summary.plan, summary))},
          {"notes", std::move(notes)},
          {"components", std::move(components)},
          {"contexts", contexts_json(summary)}};
}

int list_recipes() {
  report::Table table({"recipe", "passes"});
  for (const recipe::BuiltinRecipe& builtin : recipe::builtin_recipes()) {
    const std::string name(builtin.name);
    const auto recipe = recipe::load_recipe(name);
    if (!recipe.ok()) return report(recipe.error());
    std::vector<std::string> types;
    for (const recipe::PassStep& step : recipe->steps) types.push_back(step.type);
    table.row({name, types.empty() ? "none: weights as float32"
                                   : fmt::format("{}", fmt::join(types, ", "))});
  }
  write_out(table.text());
  return finish_output();
}

Result<int> build(const BuildFlags& flags) {
  if (flags.list_recipes) return list_recipes();
  LAP_ASSIGN_OR_RETURN(const recipe::Recipe recipe, recipe::load_recipe(flags.recipe, flags.set));
  build::BuildOptions options;
  options.calibration.assign(flags.calibration.begin(), flags.calibration.end());
  LAP_ASSIGN_OR_RETURN(options.adapters, flags.adapters.resolve());
  LAP_ASSIGN_OR_RETURN(options.htp, flags.htp.resolve(recipe.compile.has_value()));
  options.checkpoint = flags.checkpoint.empty() ? recipe.model_path.value_or("") : flags.checkpoint;
  options.output = flags.output.empty() ? recipe.output_dir.value_or("") : flags.output;
  if (options.checkpoint.empty()) {
    return bad_input("", "no checkpoint is given", "lapidary build CHECKPOINT -o PACKAGE");
  }
  if (options.output.empty()) return bad_input("", "no output is given", "add -o PACKAGE");
  options.chat_template = flags.chat_template;
  options.force = flags.force;
  options.require_grid = flags.require_grid;
  options.work = {.threads = static_cast<size_t>(flags.threads), .cancel = &catch_interrupts()};
  std::optional<ProgressDisplay> progress;
  if (!flags.json) {
    options.work.progress = &progress.emplace(Screen::of(stdout), ProgressDisplay::Keep::kStages);
  }
  for (const std::string& note : recipe.notes) {
    options.work.note("note: " + recipe.where + ": " + note);
  }
  LAP_ASSIGN_OR_RETURN(const BuildSummary summary, build::build_package(recipe, options));
  if (progress) progress->finish();
  const std::string output = options.output.string();
  write_out(flags.json ? summary_json(summary, recipe, output).dump(2) + "\n"
                       : summary_text(summary, output));
  return finish_output();
}

}  // namespace

void add_build_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<BuildFlags>();
  Command command = program.add_command("build", "Make a package from a checkpoint");
  command.add_option("CHECKPOINT", flags->checkpoint,
                     "Folder with config.json and model.safetensors (default: the recipe's "
                     "input_model.model_path)");
  command.add_option("-r,--recipe", flags->recipe, "A built-in recipe or a recipe file")
      .show_default();
  command.add_option("-o,--output", flags->output,
                     "The package to make (default: the recipe's output_dir)");
  command.add_flag("--force", flags->force, "Replace a package that is there");
  command.add_option("--threads", flags->threads, "Threads (default: all processors)")
      .between(0, 1024);
  command.add_flag("--json", flags->json, "Print one JSON object instead of progress");
  command
      .add_option("--set", flags->set,
                  "PASS.OPTION=VALUE: change an option of the recipe (repeatable)")
      .repeatable();
  command
      .add_option("--calibration", flags->calibration,
                  ".txt (documents) or .jsonl (chats) to calibrate with (repeatable)")
      .repeatable();
  command.add_flag("--require-grid", flags->require_grid,
                   "Fail where weights of 4 bits cannot keep the checkpoint's own codes");
  flags->adapters.add_to(command);
  command.add_option("--chat-template", flags->chat_template,
                     "A Jinja file, or a JSON file with 'chat_template': used in the place of the "
                     "checkpoint's");
  flags->htp.add_to(command);
  command.add_flag("--list-recipes", flags->list_recipes, "List the built-in recipes");
  command.on_run([flags, &exit_code] { exit_code = code_or_report(build(*flags)); });
}

}  // namespace lapidary::cli
