// lapidary convert MODEL.onnx --pass TYPE [--set OPTION=VALUE] -o OUT.onnx: passes on any ONNX
// file.
#include <fmt/core.h>

#include <memory>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "build/convert_file.h"
#include "cli/commands.h"
#include "cli/htp_flags.h"
#include "cli/progress_display.h"
#include "cli/terminal.h"
#include "report/declined_text.h"

namespace lapidary::cli {
namespace {

using build::Conversion;
using build::StepReport;
using passes::Declined;

struct ConvertFlags {
  std::string model;
  std::string output;
  std::vector<std::string> passes;
  std::vector<std::string> set;
  std::string json_file;
  bool force = false;
  bool list = false;
  ChipFlags chip;
};

std::string passes_text() {
  std::string out;
  for (const passes::PassEntry& entry : passes::registry()) {
    out += fmt::format("{}\n    {}\n", entry.type, entry.summary);
  }
  return out;
}

// Those of the declined nodes that were refused, or the others, which were merely left.
std::vector<Declined> declined(const StepReport& step, bool refused) {
  std::vector<Declined> out;
  for (const Declined& each : step.declined) {
    if (each.refused == refused) out.push_back(each);
  }
  return out;
}

std::string summary_text(const Conversion& done) {
  std::string out;
  for (const StepReport& step : done.steps) {
    out += fmt::format("{}: {} converted\n", step.type, counted(step.rewritten, "node"));
    out += report::declined_text(declined(step, true), "refused");
    out += report::declined_text(declined(step, false), "left");
  }
  if (!done.bodies.empty()) {
    out += fmt::format("  left the bodies of {}: passes do not look into them\n",
                       report::first_and_more(done.bodies));
  }
  return out + fmt::format("{}: {}, {} nodes\n", done.files.front().string(),
                           human_bytes(done.bytes), done.nodes);
}

Json declined_json(const StepReport& step, bool refused) {
  Json out = Json::array();
  for (const Declined& each : declined(step, refused)) {
    out.push_back({{"node", each.node}, {"reason", each.reason}});
  }
  return out;
}

Json summary_json(const ConvertFlags& flags, const Conversion& done) {
  Json steps = Json::array();
  for (const StepReport& step : done.steps) {
    steps.push_back({{"type", step.type},
                     {"options", step.options},
                     {"converted", step.rewritten},
                     {"left", declined_json(step, false)},
                     {"refused", declined_json(step, true)}});
  }
  Json files = Json::array();
  for (const auto& file : done.files) files.push_back(file.string());
  return {{"model", flags.model}, {"files", files},        {"bytes", done.bytes},
          {"nodes", done.nodes},  {"bodies", done.bodies}, {"passes", std::move(steps)}};
}

Result<int> run(const ConvertFlags& flags) {
  if (flags.list) {
    write_out(passes_text());
    return finish_output();
  }
  if (flags.model.empty() || flags.output.empty() || flags.passes.empty()) {
    return bad_input("", "a model, a pass and an output are needed",
                     "lapidary convert MODEL.onnx --pass TYPE -o OUT.onnx; --list-passes names the "
                     "passes");
  }
  if (!flags.json_file.empty() && flags.json_file != "-") {
    LAP_RETURN_IF_ERROR(check_output_file(flags.json_file));
  }
  LAP_ASSIGN_OR_RETURN(const auto steps, build::bind_steps(flags.passes, flags.set));
  LAP_ASSIGN_OR_RETURN(const auto chip, flags.chip.resolve());
  ProgressDisplay progress;
  const Work work{.progress = &progress, .cancel = &catch_interrupts()};
  LAP_ASSIGN_OR_RETURN(const Conversion done, build::convert_file(flags.model, flags.output, steps,
                                                                  {flags.force, chip, work}));
  progress.finish();
  if (!flags.json_file.empty()) {
    const std::string text = summary_json(flags, done).dump(2) + "\n";
    if (flags.json_file == "-") {
      write_out(text);
      return finish_output();
    }
    LAP_RETURN_IF_ERROR(replace_file(flags.json_file, text));
  }
  write_out(summary_text(done));
  return finish_output();
}

}  // namespace

void add_convert_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<ConvertFlags>();
  Command command = program.add_command("convert", "Run passes on an ONNX file of any origin");
  command.add_option("MODEL", flags->model, "ONNX file; its data files are found beside it");
  command.add_option("-p,--pass", flags->passes, "Type of a pass (repeatable, run in order)")
      .repeatable();
  command
      .add_option("--set", flags->set,
                  "OPTION=VALUE of the pass, TYPE.OPTION=VALUE where there are several "
                  "(repeatable)")
      .repeatable();
  command.add_option("-o,--output", flags->output, "The ONNX file to make");
  command.add_option("--arch", flags->chip.arch,
                     "Hexagon arch whose forms the passes choose (default: v81)");
  command.add_option("--soc", flags->chip.soc, "Chip whose forms they choose, instead of an arch");
  command.add_option("--json", flags->json_file, "Also write the summary as JSON (- : print it)");
  command.add_flag("--force", flags->force, "Replace an output that is there");
  command.add_flag("--list-passes", flags->list, "Print the passes there are");
  command.on_run([flags, &exit_code] { exit_code = code_or_report(run(*flags)); });
}

}  // namespace lapidary::cli
