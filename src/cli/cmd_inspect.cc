// lapidary inspect PACKAGE | CHECKPOINT | MODEL.onnx
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/inspect.h"
#include "cli/terminal.h"
#include "package/manifest.h"

namespace lapidary::cli {
namespace {

Result<std::string> inspect(const InspectFlags& flags) {
  namespace fs = std::filesystem;
  const fs::path path(flags.path);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return io_error(flags.path, "there is no such file or folder");
  if (!fs::is_directory(path, ignored)) return inspect_onnx(flags);
  if (fs::exists(path / package::kManifestFile, ignored)) return inspect_package(flags);
  if (fs::exists(path / "config.json", ignored)) return inspect_checkpoint(flags);
  return bad_input(flags.path, "is neither a package nor a checkpoint",
                   "expected lapidary.json or config.json in it");
}

}  // namespace

void add_inspect_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* command =
      app.add_subcommand("inspect", "Show what is in a package, a checkpoint or an ONNX model");
  command->add_option("PATH", flags->path, "A package, a checkpoint or a .onnx file")->required();
  command->add_option("--component", flags->component, "Only this component of the package");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->add_flag("--tensors", flags->tensors, "List every weight");
  command->add_flag("--graph", flags->graph, "Print every node");
  command->add_flag("--verify", flags->verify, "Compare the package's files with their checksums");
  command->callback([flags, &exit_code] {
    const Result<std::string> text = inspect(*flags);
    if (!text.ok()) {
      exit_code = report(text.error());
      return;
    }
    write_out(text.value());
    exit_code = finish_output();
  });
}

}  // namespace lapidary::cli
