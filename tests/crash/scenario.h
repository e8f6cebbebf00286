// What the program is interrupted in: a command, the folder it finds, and what it may leave.
//
//   const Bench bench{.program = program, .shim = shim, .tiny = "models/tiny-gemma4"};
//   const Scenario build = scenario_of(bench, "replace", scratch);
//   prepare(build, folder);
//   const End end = run(process_of(bench, build, folder, "kill:17"));
//   EXPECT_EQ(judge(bench, build, folder, end).problem, "");
//   EXPECT_EQ(repeat(bench, build, folder), "");
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "crash/process.h"
#include "crash/tree.h"

namespace lapidary::crash {

struct Bench {
  std::filesystem::path program, shim;
  std::filesystem::path tiny;  // models/tiny-gemma4
};

struct Scenario {
  std::string name;
  std::vector<std::string> arguments;  // of the program; "{}" in them is the folder
  std::string output;                  // what is made, in the folder
  bool is_model = false;               // an ONNX file with its data, not a package
  // Made by the vendor's compiler, which numbers the graphs in what it makes: after an error that
  // it got over, the number is another one. Such names and their files' checksums do not count.
  bool is_compiled = false;
  // The cache: each entry that still has its name is whole, but how many are left in between is not
  // laid down.
  bool is_cache = false;
  Tree before;                       // the folder
  Tree old_output, new_output;       // as output_of gives them; an empty one: nothing is there
  std::vector<std::string> inputs;   // in the folder: as in `before`, whatever happens
  std::vector<std::string> ignored;  // in the folder: not looked at
};

// Of scenario_of, without those that compile for the HTP.
std::vector<std::string> scenario_names();
// Those, which need Qualcomm's libraries and take seconds instead of a tenth of one.
std::vector<std::string> htp_scenario_names();

// Runs what makes the references, in a folder of `scratch`. Throws std::runtime_error when that
// fails.
Scenario scenario_of(const Bench& bench, const std::string& name,
                     const std::filesystem::path& scratch);

// Writes `before` into a new folder.
void prepare(const Scenario& scenario, const std::filesystem::path& folder);

// The scenario's command with the shim in that mode, for the calls below `folder`; "": without it.
// `counter`: where it counts calls, if not empty; made here.
Process process_of(const Bench& bench, const Scenario& scenario,
                   const std::filesystem::path& folder, const std::string& mode,
                   const std::filesystem::path& counter = {});
Process process_of(const Bench& bench, const std::vector<std::string>& arguments,
                   const std::filesystem::path& folder, const std::string& mode,
                   const std::filesystem::path& counter = {});

// A package's files. Of a model what the program reads of it, written anew, since a model may name its
// data otherwise for a time. Throws std::runtime_error when it cannot be read.
Tree output_of(const Bench& bench, const Scenario& scenario, const std::filesystem::path& folder);

enum class Found { kNothing, kOld, kNew };
struct Judgement {
  Found found = Found::kNothing;
  std::string problem;  // "": none
};
// What a command that ended so has left. Wrong is: neither old nor new, a loss of the old or of an
// input, exit code 0 without the new, an error without a message, death by a signal but SIGKILL.
Judgement judge(const Bench& bench, const Scenario& scenario, const std::filesystem::path& folder,
                const End& end);
// The same of the folder alone.
Judgement judge_folder(const Bench& bench, const Scenario& scenario,
                       const std::filesystem::path& folder);
// What is wrong with how a command ended; "": nothing.
std::string problem_of(const End& end);

// Runs the command undisturbed: it must succeed, make exactly the new output and leave nothing
// else. Returns what is wrong; "": nothing.
std::string repeat(const Bench& bench, const Scenario& scenario,
                   const std::filesystem::path& folder);

}  // namespace lapidary::crash
