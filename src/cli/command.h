// Commands and their options: what the program's command line is made of. CLI11 parses it; only
// command.cc sees CLI11, whose headers take longer to compile than all that a command does.
//
//   Program program("Packages of Gemma 4 models.", "lapidary", "lapidary 0.1.0");
//   Command command = program.add_command("plan", "Say what a build would take");
//   command.add_option("--threads", flags->threads, "Threads").between(0, 1024);
//   command.add_flag("--json", flags->json, "Print one JSON object");
//   command.on_run([flags, plan, &exit_code] { exit_code = plan(*flags); });
//   LAP_RETURN_IF_ERROR(program.parse(argc, argv));
//
// Command and Option are handles: copies speak of the same thing. They live as long as the Program.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class App;
class Option;
}  // namespace CLI

namespace lapidary::cli {

class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option& required();
  Option& repeatable();    // a list with one value each time it is given
  Option& show_default();  // in --help
  Option& in_group(const std::string& heading);
  Option& needs(Option other);
  Option& excludes(Option other);

  // What a value must be; anything else is an error that says so.
  Option& positive();
  Option& not_negative();
  Option& between(int64_t lowest, int64_t highest);
  Option& one_of(const std::vector<std::string>& words);
  // `check` returns what is wrong with the text, or nothing.
  Option& passes(const std::function<std::string(const std::string&)>& check);

 private:
  CLI::Option* option_;
};

class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  // `names`: "-o,--output", or "CHECKPOINT" for one told by its place. T is one of the types that
  // command.cc lists: texts and numbers, optional ones, and lists of texts. A value that is not
  // given leaves `value` as it is.
  template <typename T>
  Option add_option(const std::string& names, T& value, const std::string& help);
  Option add_flag(const std::string& names, bool& value, const std::string& help);
  // Called when the command line names this command and has no error.
  void on_run(std::function<void()> run);

  // After parsing: the names of the options that were given, "--image", once for each value, in
  // the order in which they were.
  std::vector<std::string> given() const;
  bool was_given(const std::string& name) const;

 private:
  CLI::App* app_;
};

class Program {
 public:
  Program(const std::string& description, const std::string& name, const std::string& version);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  Command add_command(const std::string& name, const std::string& description);

  // Runs the command that is named; --help and --version print and run nothing. Errors: kBadInput
  // for a command line that is not understood. What a command throws passes through.
  Status parse(int argc, const char* const* argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace lapidary::cli
