// lapidary export PACKAGE -o DIR --device D: only what the device needs.
#include <fmt/core.h>

#include <memory>
#include <string>

#include "base/json.h"
#include "base/text.h"
#include "build/export_package.h"
#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/progress_display.h"
#include "cli/terminal.h"

namespace lapidary::cli {
namespace {

struct ExportFlags {
  std::string package;
  std::string output;
  std::string device;
  bool force = false;
  bool json = false;
};

Result<int> run(const ExportFlags& flags) {
  build::ExportOptions options;
  options.device = device_of(flags.device);
  options.force = flags.force;
  ProgressDisplay progress;
  options.work = {.progress = &progress, .cancel = &catch_interrupts()};
  LAP_ASSIGN_OR_RETURN(const build::ExportSummary made,
                       build::export_package(flags.package, flags.output, options));
  progress.finish();
  const Json json = {{"package", flags.output},
                     {"device", flags.device},
                     {"files", made.files},
                     {"left_out", made.left_out},
                     {"bytes", made.bytes}};
  write_out(flags.json
                ? json.dump(2) + "\n"
                : fmt::format("{}: {} in {} files for {}, {} left out\n", flags.output,
                              human_bytes(made.bytes), made.files, flags.device, made.left_out));
  return finish_output();
}

}  // namespace

void add_export_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<ExportFlags>();
  Command command = program.add_command("export", "Make a package of what one device needs");
  command.add_option("PACKAGE", flags->package, "Package directory, made by `lapidary build`")
      .required();
  command.add_option("-o,--output", flags->output, "The package to make").required();
  add_device_option(command, flags->device).required();
  command.add_flag("--force", flags->force, "Replace a package that is there");
  command.add_flag("--json", flags->json, "Print one JSON object");
  command.on_run([flags, &exit_code] { exit_code = code_or_report(run(*flags)); });
}

}  // namespace lapidary::cli
