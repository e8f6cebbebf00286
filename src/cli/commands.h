// The subcommands of `lapidary`, one file each (cmd_NAME.cc). Each function adds its command to
// the program; when the command ran, its exit code stands in `exit_code`.
#pragma once

#include "cli/command.h"

namespace lapidary::cli {

void add_build_command(Program& program, int& exit_code);
void add_plan_command(Program& program, int& exit_code);
void add_convert_command(Program& program, int& exit_code);
void add_inspect_command(Program& program, int& exit_code);
void add_run_command(Program& program, int& exit_code);
void add_chat_command(Program& program, int& exit_code);
void add_eval_command(Program& program, int& exit_code);
void add_export_command(Program& program, int& exit_code);
void add_features_command(Program& program, int& exit_code);
void add_probe_command(Program& program, int& exit_code);
void add_tokenize_command(Program& program, int& exit_code);
void add_targets_command(Program& program, int& exit_code);
void add_cache_command(Program& program, int& exit_code);

}  // namespace lapidary::cli
