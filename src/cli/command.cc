#include "cli/command.h"

#include <optional>
#include <utility>

#include <CLI/CLI.hpp>

namespace lapidary::cli {

Option& Option::required() {
  option_->required();
  return *this;
}
Option& Option::repeatable() {
  option_->allow_extra_args(false);
  return *this;
}
Option& Option::show_default() {
  option_->capture_default_str();
  return *this;
}
Option& Option::in_group(const std::string& heading) {
  option_->group(heading);
  return *this;
}
Option& Option::needs(Option other) {
  option_->needs(other.option_);
  return *this;
}
Option& Option::excludes(Option other) {
  option_->excludes(other.option_);
  return *this;
}
Option& Option::positive() {
  option_->check(CLI::PositiveNumber);
  return *this;
}
Option& Option::not_negative() {
  option_->check(CLI::NonNegativeNumber);
  return *this;
}
Option& Option::between(int64_t lowest, int64_t highest) {
  option_->check(CLI::Range(lowest, highest));
  return *this;
}
Option& Option::one_of(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}
Option& Option::passes(const std::function<std::string(const std::string&)>& check) {
  option_->check(check, "");
  return *this;
}

template <typename T>
Option Command::add_option(const std::string& names, T& value, const std::string& help) {
  return Option(app_->add_option(names, value, help));
}
template Option Command::add_option(const std::string&, std::string&, const std::string&);
template Option Command::add_option(const std::string&, std::vector<std::string>&,
                                    const std::string&);
template Option Command::add_option(const std::string&, int&, const std::string&);
template Option Command::add_option(const std::string&, uint32_t&, const std::string&);
template Option Command::add_option(const std::string&, int64_t&, const std::string&);
template Option Command::add_option(const std::string&, double&, const std::string&);
template Option Command::add_option(const std::string&, std::optional<int64_t>&,
                                    const std::string&);
template Option Command::add_option(const std::string&, std::optional<uint64_t>&,
                                    const std::string&);
template Option Command::add_option(const std::string&, std::optional<double>&, const std::string&);

Option Command::add_flag(const std::string& names, bool& value, const std::string& help) {
  return Option(app_->add_flag(names, value, help));
}
void Command::on_run(std::function<void()> run) { app_->callback(std::move(run)); }

std::vector<std::string> Command::given() const {
  std::vector<std::string> out;
  for (const CLI::Option* option : app_->parse_order()) {
    for (const std::string& name : option->get_lnames()) out.push_back("--" + name);
  }
  return out;
}
bool Command::was_given(const std::string& name) const { return app_->count(name) > 0; }

Program::Program(const std::string& description, const std::string& name,
                 const std::string& version)
    : app_(std::make_unique<CLI::App>(description, name)) {
  app_->set_version_flag("--version", version);
  app_->require_subcommand(1);
}
Program::~Program() = default;

Command Program::add_command(const std::string& name, const std::string& description) {
  return Command(app_->add_subcommand(name, description));
}

Status Program::parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // --help and --version arrive here as well, with code 0, and are printed by exit().
    if (e.get_exit_code() != 0) return bad_input("", e.what(), "see `lapidary --help`");
    app_->exit(e);
  }
  return {};
}

}  // namespace lapidary::cli
