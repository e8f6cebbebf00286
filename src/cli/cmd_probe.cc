// lapidary probe MODEL.onnx --arch A: each distinct node alone on the emulated HTP.
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/count_progress.h"
#include "cli/scratch_folder.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "graph/onnx_reader.h"
#include "htp/probe.h"
#include "target/soc.h"

namespace lapidary::cli {
namespace {

struct ProbeFlags {
  std::string model;
  std::string arch;
  std::string soc;
  std::string qnn_libs;
  std::string cache;
  std::vector<std::string> options;
  uint32_t seed = 1;
  double seconds = 300;
  bool json = false;
};

Result<std::map<std::string, std::string>> provider_options(const ProbeFlags& flags) {
  std::map<std::string, std::string> options;
  for (const std::string& option : flags.options) {
    const size_t equals = option.find('=');
    if (equals == std::string::npos) {
      return bad_input("--qnn-option " + option, "is not of the form KEY=VALUE");
    }
    options[option.substr(0, equals)] = option.substr(equals + 1);
  }
  return options;
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g", value);
  return text.data();
}

std::string finding(const htp::ProbedNode& node) {
  if (!node.reason.empty()) return node.reason;
  return "relative error " + number(node.agreement.relative_error) + ", cosine " +
         number(node.agreement.cosine) + (node.agreement.finite ? "" : ", not finite");
}

std::string text_of(const htp::ProbeReport& report, const target::Target& chip) {
  using htp::Verdict;
  std::string text;
  Table table({"verdict", "op", "node", "forms", "alike", "finding"});
  for (const htp::ProbedNode& node : report.nodes) {
    if (node.verdict == Verdict::kRight) continue;
    table.row({std::string(htp::name_of(node.verdict)), node.op, node.name, node.forms,
               std::to_string(node.alike), finding(node)});
  }
  if (report.count(Verdict::kRight) < report.nodes.size()) text += table.text();
  text += target::name_of(chip) + ": " + std::to_string(report.nodes.size()) + " distinct nodes";
  for (const Verdict verdict : {Verdict::kRight, Verdict::kImprecise, Verdict::kWrong,
                                Verdict::kRefused, Verdict::kFailed}) {
    text += ", " + std::to_string(report.count(verdict)) + " " + std::string(htp::name_of(verdict));
  }
  return text + "\n";
}

Result<int> probe(const ProbeFlags& flags) {
  const CancelToken& cancel = catch_interrupts();
  LAP_ASSIGN_OR_RETURN(const target::Target chip, target::resolve(flags.arch, flags.soc));
  LAP_ASSIGN_OR_RETURN(const htp::Libraries libraries, htp::find_libraries(flags.qnn_libs));
  htp::EmulatorSettings settings;
  LAP_ASSIGN_OR_RETURN(settings.provider_options, provider_options(flags));
  settings.limits.seconds = flags.seconds;
  settings.cancel = &cancel;
  LAP_ASSIGN_OR_RETURN(const htp::Emulator emulator,
                       htp::Emulator::create(libraries, chip, std::move(settings)));
  LAP_ASSIGN_OR_RETURN(const graph::Graph graph, graph::load(flags.model));
  CountProgress progress;
  LAP_ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::create());
  LAP_ASSIGN_OR_RETURN(
      const htp::ProbeReport report,
      htp::probe(std::span(&graph, 1), emulator, scratch->path(),
                 {.seed = flags.seed, .cache = flags.cache, .progress = &progress}));
  if (flags.json) {
    Json json = {{"model", flags.model}, {"target", target::name_of(chip)}};
    json.update(report.to_json());
    write_out(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  } else {
    write_out(text_of(report, chip));
  }
  const int printed = finish_output();
  return printed == kExitOk && !report.passed() ? kExitInternal : printed;
}

}  // namespace

void add_probe_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<ProbeFlags>();
  CLI::App* command = app.add_subcommand(
      "probe",
      "Run each distinct node of an ONNX model alone on the emulated HTP and compare it with the "
      "CPU; exit code 1 when one is wrong, refused or fails");
  command->add_option("MODEL", flags->model, "ONNX file; all shapes fixed")->required();
  command->add_option("--arch", flags->arch, "Hexagon arch: v73, v75, v79, v81");
  command->add_option("--soc", flags->soc, "Chip: SM8850 or QNN's number of it, 87");
  command->add_option("--qnn-libs", flags->qnn_libs,
                      "Folder of the QNN libraries (else LAPIDARY_QNN_LIBS, else .deps/qnn/lib)");
  command->add_option("--qnn-option", flags->options,
                      "KEY=VALUE for the QNN provider; may be repeated");
  command->add_option("--cache", flags->cache,
                      "Folder that keeps results by node, chip and stack; it is made");
  command->add_option("--seed", flags->seed, "Of the made-up inputs");
  command->add_option("--seconds", flags->seconds, "Time limit of one node")
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags, &exit_code] {
    const Result<int> result = probe(*flags);
    exit_code = result.ok() ? result.value() : report(result.error());
  });
}

}  // namespace lapidary::cli
