// lapidary probe MODEL.onnx --arch A: each distinct node alone on the emulated HTP, or with --whole
// all of them together.
#include <fmt/core.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/scratch_folder.h"
#include "base/text.h"
#include "cli/cache_flags.h"
#include "cli/commands.h"
#include "cli/progress_display.h"
#include "cli/terminal.h"
#include "graph/onnx_reader.h"
#include "probe/node_probes.h"
#include "probe/whole_run.h"
#include "report/table.h"
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
  bool whole = false;
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

std::string finding(const probe::ProbedNode& node) {
  if (!node.reason.empty()) return node.reason;
  return fmt::format("relative error {:.3g}, cosine {:.3g}{}", node.difference.relative_error,
                     node.difference.cosine, node.difference.finite ? "" : ", not finite");
}

std::string text_of(const probe::ProbeReport& report, const target::Target& chip) {
  using probe::Verdict;
  std::string text;
  report::Table table({"verdict", "op", "node", "forms", "alike", "finding"});
  for (const probe::ProbedNode& node : report.nodes) {
    if (node.verdict == Verdict::kRight) continue;
    table.row({std::string(probe::name_of(node.verdict)), node.op, node.name, node.forms,
               std::to_string(node.alike), finding(node)});
  }
  if (report.count(Verdict::kRight) < report.nodes.size()) text += table.text();
  text += fmt::format("{}: {} distinct nodes", target::name_of(chip), report.nodes.size());
  for (const Verdict verdict : {Verdict::kRight, Verdict::kImprecise, Verdict::kWrong,
                                Verdict::kRefused, Verdict::kFailed}) {
    text += fmt::format(", {} {}", report.count(verdict), probe::name_of(verdict));
  }
  return text + "\n";
}

std::string text_of(const probe::WholeRun& run, const target::Target& chip) {
  report::Table table({"output", "form", "cosine", "relative error"});
  for (const probe::WholeOutput& output : run.outputs) {
    table.row({output.name, output.form, fmt::format("{:.8g}", output.difference.cosine),
               fmt::format("{:.3g}{}", output.difference.relative_error,
                           output.difference.finite ? "" : ", not finite")});
  }
  return fmt::format(
      "{}{}: lowest cosine {:.8g}, {}; compiled in {:.3g} s, emulated in {:.3g} s, {}; CPU {:.3g} "
      "s\n",
      table.text(), target::name_of(chip), run.lowest_cosine(), run.passed() ? "passed" : "FAILED",
      run.compile_seconds, run.run_seconds, human_bytes(static_cast<uint64_t>(run.peak_bytes)),
      run.cpu_seconds);
}

// Prints `outcome`, which is a report on nodes or on a whole run.
template <typename Outcome>
int print(const Outcome& outcome, const ProbeFlags& flags, const target::Target& chip) {
  if (flags.json) {
    Json json = {{"model", flags.model}, {"target", target::name_of(chip)}};
    json.update(outcome.to_json());
    write_json(json);
  } else {
    write_out(text_of(outcome, chip));
  }
  const int printed = finish_output();
  return printed == kExitOk && !outcome.passed() ? kExitInternal : printed;
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
  LAP_ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::create());
  ProgressDisplay progress;
  const Work work{.progress = &progress, .cancel = &cancel};
  if (flags.whole) {
    LAP_ASSIGN_OR_RETURN(const probe::WholeRun run,
                         probe::run_whole(flags.model, emulator, scratch->path(),
                                          {.seed = flags.seed, .work = work}));
    progress.finish();
    return print(run, flags, chip);
  }
  // Nothing is kept where no folder is named.
  LAP_ASSIGN_OR_RETURN(const CacheChoice cache, choose_cache(flags.cache, ""));
  LAP_ASSIGN_OR_RETURN(const graph::Graph graph, graph::load(flags.model));
  LAP_ASSIGN_OR_RETURN(const probe::ProbeReport report,
                       probe::probe_nodes(std::span(&graph, 1), emulator, scratch->path(),
                                          {.seed = flags.seed,
                                           .cache = flags.cache,
                                           .cache_bytes = cache.most_bytes,
                                           .work = work}));
  progress.finish();
  return print(report, flags, chip);
}

}  // namespace

void add_probe_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<ProbeFlags>();
  Command command = program.add_command(
      "probe",
      "Run each distinct node of an ONNX model alone, or the whole model, on the emulated HTP and "
      "compare with the CPU; exit code 1 when a node is wrong, refused or fails");
  command.add_option("MODEL", flags->model, "ONNX file; all shapes fixed").required();
  command.add_option("--arch", flags->arch, "Hexagon arch: v73, v75, v79, v81");
  command.add_option("--soc", flags->soc, "Chip: SM8850 or QNN's number of it, 87");
  command.add_option(
      "--qnn-libs", flags->qnn_libs,
      "Folder of the QNN libraries (else LAPIDARY_QNN_LIBS, else the program's own)");
  command.add_option("--qnn-option", flags->options,
                     "KEY=VALUE for the QNN provider; may be repeated");
  const Option whole = command.add_flag(
      "--whole", flags->whole,
      "All nodes together: the cosine of each output; exit code 1 when one is below 0.9999");
  command
      .add_option("--cache", flags->cache,
                  "Folder that keeps results by node, chip and stack; it is made")
      .excludes(whole);
  command.add_option("--seed", flags->seed, "Of the made-up inputs");
  command.add_option("--seconds", flags->seconds, "Time limit of one node, or of --whole")
      .positive();
  command.add_flag("--json", flags->json, "Print one JSON object");
  command.on_run([flags, &exit_code] { exit_code = code_or_report(probe(*flags)); });
}

}  // namespace lapidary::cli
