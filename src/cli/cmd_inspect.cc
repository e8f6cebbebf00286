// lapidary inspect PACKAGE | CHECKPOINT | MODEL.onnx
#include <filesystem>
#include <memory>

#include "cli/adapter_flags.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "package/manifest.h"
#include "report/inspect.h"

namespace lapidary::cli {
namespace {

enum class Kind { kPackage, kCheckpoint, kOnnx };

// An option that would be passed over is refused, so that nobody takes the silence of --verify for
// a yes.
Status check_options(const report::InspectFlags& flags, Kind kind) {
  const auto refuse = [](const char* option, const char* why) {
    return bad_input(option, why, "leave it out");
  };
  if (kind != Kind::kPackage) {
    if (!flags.component.empty()) return refuse("--component", "is for packages only");
    if (flags.verify) return refuse("--verify", "is for packages only");
    if (flags.claims) return refuse("--claims", "is for packages only");
  }
  if (kind != Kind::kCheckpoint && !flags.adapters.empty()) {
    return refuse("--adapter", "is for checkpoints only");
  }
  if (flags.graph && kind == Kind::kCheckpoint) return refuse("--graph", "a checkpoint has none");
  if (flags.claims && flags.tensors) return refuse("--tensors", "has no meaning with --claims");
  if (flags.graph && flags.json) return refuse("--graph", "has no meaning with --json");
  return {};
}

Result<std::string> inspect_as(const report::InspectFlags& flags, Kind kind) {
  LAP_RETURN_IF_ERROR(check_options(flags, kind));
  switch (kind) {
    case Kind::kPackage:
      return report::inspect_package(flags);
    case Kind::kCheckpoint:
      return report::inspect_checkpoint(flags);
    case Kind::kOnnx:
      break;
  }
  return report::inspect_onnx(flags);
}

Result<std::string> inspect(report::InspectFlags flags, const AdapterFlags& adapters) {
  namespace fs = std::filesystem;
  LAP_ASSIGN_OR_RETURN(flags.adapters, adapters.resolve());
  const fs::path path(flags.path);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return io_error(flags.path, "there is no such file or folder");
  if (!fs::is_directory(path, ignored)) {
    return inspect_as(flags, path.extension() == ".gguf" ? Kind::kCheckpoint : Kind::kOnnx);
  }
  if (fs::exists(path / package::kManifestFile, ignored)) return inspect_as(flags, Kind::kPackage);
  if (fs::exists(path / "config.json", ignored)) return inspect_as(flags, Kind::kCheckpoint);
  return bad_input(flags.path, "is neither a package nor a checkpoint",
                   "expected lapidary.json or config.json in it");
}

}  // namespace

void add_inspect_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<report::InspectFlags>();
  auto adapters = std::make_shared<AdapterFlags>();
  Command command =
      program.add_command("inspect", "Show what is in a package, a checkpoint or an ONNX model");
  command.add_option("PATH", flags->path, "A package, a checkpoint or a .onnx file").required();
  command.add_option("--component", flags->component, "Only this component of the package");
  command.add_flag("--json", flags->json, "Print one JSON object");
  command.add_flag("--tensors", flags->tensors, "List every weight");
  command.add_flag("--graph", flags->graph, "Print every node");
  command.add_flag("--verify", flags->verify, "Compare the package's files with their checksums");
  command.add_flag("--claims", flags->claims,
                   "What became of each node on the HTP; with --graph, node by node");
  adapters->add_to(command);
  command.on_run(
      [flags, adapters, &exit_code] { exit_code = print_or_report(inspect(*flags, *adapters)); });
}

}  // namespace lapidary::cli
