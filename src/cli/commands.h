// The subcommands of `lapidary`, one file each (cmd_NAME.cc). Each function adds its command to
// the program; when the command ran, its exit code stands in `exit_code`.
#pragma once

#include <CLI/CLI.hpp>

namespace lapidary::cli {

void add_build_command(CLI::App& app, int& exit_code);
void add_plan_command(CLI::App& app, int& exit_code);
void add_convert_command(CLI::App& app, int& exit_code);
void add_inspect_command(CLI::App& app, int& exit_code);
void add_run_command(CLI::App& app, int& exit_code);
void add_chat_command(CLI::App& app, int& exit_code);
void add_eval_command(CLI::App& app, int& exit_code);
void add_export_command(CLI::App& app, int& exit_code);
void add_features_command(CLI::App& app, int& exit_code);
void add_probe_command(CLI::App& app, int& exit_code);
void add_tokenize_command(CLI::App& app, int& exit_code);
void add_targets_command(CLI::App& app, int& exit_code);

}  // namespace lapidary::cli
