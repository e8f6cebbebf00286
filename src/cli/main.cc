// lapidary: from a Gemma 4 checkpoint to a package, and from a package to text.
#include <exception>
#include <new>
#include <string>

#include "base/version.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/process.h"
#include "cli/terminal.h"
#include "htp/worker.h"

namespace lapidary::cli {
namespace {

int run_command(int argc, const char* const* argv) {
  Program program("Lapidary: build, inspect and run packages of Gemma 4 models.", "lapidary",
                  std::string("lapidary ") + kVersion);
  int exit_code = kExitOk;
  add_build_command(program, exit_code);
  add_plan_command(program, exit_code);
  add_convert_command(program, exit_code);
  add_inspect_command(program, exit_code);
  add_run_command(program, exit_code);
  add_chat_command(program, exit_code);
  add_eval_command(program, exit_code);
  add_export_command(program, exit_code);
  add_features_command(program, exit_code);
  add_probe_command(program, exit_code);
  add_tokenize_command(program, exit_code);
  add_targets_command(program, exit_code);
  add_cache_command(program, exit_code);
  if (const Status parsed = program.parse(argc, argv); !parsed.ok()) return report(parsed.error());
  return exit_code;
}

int main_checked(int argc, const char* const* argv) {
  try {
    return run_command(argc, argv);
  } catch (const std::bad_alloc&) {
    return report(io_error(argc > 1 ? argv[1] : "", "there is not enough memory",
                           "close other programs, or raise the limit: see `ulimit -v`"));
  } catch (const std::exception& e) {
    return report(internal_error("", e.what()));
  }
}

}  // namespace
}  // namespace lapidary::cli

int main(int argc, char** argv) {
  lapidary::cli::prepare_process();
  if (lapidary::htp::is_worker(argc, argv)) return lapidary::htp::run_worker(argc, argv);
  return lapidary::cli::main_checked(argc, argv);
}
