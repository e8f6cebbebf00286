// lapidary: from a Gemma 4 checkpoint to a package, and from a package to text.
#include <exception>
#include <new>
#include <string>

#include <CLI/CLI.hpp>

#include "base/version.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "htp/worker.h"

namespace lapidary::cli {
namespace {

int main_checked(int argc, const char* const* argv) {
  CLI::App app("Lapidary: build, inspect and run packages of Gemma 4 models.", "lapidary");
  app.set_version_flag("--version", std::string("lapidary ") + kVersion);
  app.require_subcommand(1);
  int exit_code = kExitOk;
  add_build_command(app, exit_code);
  add_plan_command(app, exit_code);
  add_convert_command(app, exit_code);
  add_inspect_command(app, exit_code);
  add_run_command(app, exit_code);
  add_chat_command(app, exit_code);
  add_eval_command(app, exit_code);
  add_export_command(app, exit_code);
  add_features_command(app, exit_code);
  add_probe_command(app, exit_code);
  add_tokenize_command(app, exit_code);
  add_targets_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // --help and --version arrive here as well, with code 0.
    if (e.get_exit_code() == 0) return app.exit(e);
    return report(bad_input("", e.what(), "see `lapidary --help`"));
  } catch (const std::bad_alloc&) {
    return report(io_error("", "there is not enough memory"));
  } catch (const std::exception& e) {
    return report(internal_error("", e.what()));
  }
  return exit_code;
}

}  // namespace
}  // namespace lapidary::cli

int main(int argc, char** argv) {
  if (lapidary::htp::is_worker(argc, argv)) return lapidary::htp::run_worker(argc, argv);
  return lapidary::cli::main_checked(argc, argv);
}
